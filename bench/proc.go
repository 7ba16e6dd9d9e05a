//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time of a process, of all its threads that are or were, in nanoseconds' resolution: its process
// CPU clock, which clock_getcpuclockid(3) names. /proc/PID/stat has the same figure in hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	const processScheduled = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|processScheduled), &t); err != nil {
		return 0, fmt.Errorf("the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// family returns the processes of the group that pid leads: a peer may be more than one.
func family(pid int) []int {
	members := []int{pid}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return members
	}
	for _, e := range entries {
		other, err := strconv.Atoi(e.Name())
		if err != nil || other == pid {
			continue
		}
		if group, err := unix.Getpgid(other); err == nil && group == pid {
			members = append(members, other)
		}
	}
	return members
}

// resident returns the resident memory of processes in KiB, now and at its peak.
func resident(pids []int) (now, peak int64) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			switch n, _ := strconv.ParseInt(f[1], 10, 64); f[0] { // a figure, or a line that is not asked for
			case "VmRSS:":
				now += n
			case "VmHWM:":
				peak += n
			}
		}
	}
	return now, peak
}

// machine says what a measurement was made on.
func machine() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "linux"
	}
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return "Linux " + unix.ByteSliceToString(u.Release[:]) + ", " + model
}

// load1 is the load average of the last minute: above the number of CPUs, something else is running.
func load1() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, _ := strconv.ParseFloat(first, 64) // 0 if there is none
	return v
}
