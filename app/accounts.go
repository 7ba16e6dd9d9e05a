package app

import (
	"fmt"
	"path/filepath"

	"doorkeeper/policy"
)

// openAccounts opens what principals have used of their limits. It outlives every policy, and the process.
func (a *App) openAccounts(dir string) (err error) {
	var warning error
	a.accounts, warning, err = policy.OpenAccounts(policy.AccountOptions{
		Path: filepath.Join(dir, "budgets"),
		Failed: func(err error) {
			a.log.Error("what is used of budgets cannot be written down: a restart would forget it", "error", err)
		},
	})
	if err != nil {
		return fmt.Errorf("reading what is used of budgets: %w", err)
	}
	if warning != nil {
		a.log.Warn("budgets", "problem", warning)
	}
	return nil
}
