package format

import "doorkeeper/access"

// This file says which OCSF event a record is. Numbers and names are those of OCSF 1.8.

// The classes, as bits for masks.
const (
	inDatastore mask = 1 << iota
	inAPI
	inAuthentication
	inNetwork
	inAccount
	inUserAccess
	inFinding
	inLifecycle
	inError
	inRemediation
)

// A class is an OCSF class.
type class struct {
	uid  int64
	bit  mask
	name string
}

var (
	datastoreActivity = &class{6005, inDatastore, "Datastore Activity"}
	apiActivity       = &class{6003, inAPI, "API Activity"}
	authentication    = &class{3002, inAuthentication, "Authentication"}
	networkActivity   = &class{4001, inNetwork, "Network Activity"}
	accountChange     = &class{3001, inAccount, "Account Change"}
	userAccess        = &class{3005, inUserAccess, "User Access Management"}
	detectionFinding  = &class{2004, inFinding, "Detection Finding"}
	applicationLife   = &class{6002, inLifecycle, "Application Lifecycle"}
	applicationError  = &class{6008, inError, "Application Error"}
	remediation       = &class{7001, inRemediation, "Remediation Activity"}
)

var classes = []*class{datastoreActivity, apiActivity, authentication, networkActivity, accountChange, userAccess,
	detectionFinding, applicationLife, applicationError, remediation}

// otherActivity is an activity that the class has no number for: its name stands beside it.
const otherActivity = 99

// classify finds class and activity of a record.
func classify(r *access.Record) (*class, int64) {
	switch r.Kind {
	case kindSession:
		return networkActivity, pick(r.Operation, activity{"OPEN", 1}, activity{"CLOSE", 2})
	case kindAuthn:
		return authentication, 1
	case kindFinding:
		return detectionFinding, 1
	case kindGap:
		return applicationError, 1
	case kindControl:
		return classifyControl(r)
	}
	return classifyAccess(r)
}

type activity struct {
	word string
	id   int64
}

func pick(word string, known ...activity) int64 {
	for i := range known {
		if known[i].word == word {
			return known[i].id
		}
	}
	return otherActivity
}

func classifyControl(r *access.Record) (*class, int64) {
	switch r.Operation {
	case "QUERY":
		return apiActivity, 2
	case "QUARANTINE":
		if r.Before != "" && r.After == "" { // it has ended
			return remediation, 3
		}
		return remediation, 1
	case "START":
		return applicationLife, 3
	case "STOP":
		return applicationLife, 4
	case "RELOAD", "POLICY":
		return applicationLife, 8
	}
	return applicationLife, otherActivity
}

// classifyAccess: a datastore's event is about one bucket, so a record that names none or many topics is a call of an API.
func classifyAccess(r *access.Record) (*class, int64) {
	switch r.Api {
	case "CreateAcls":
		return userAccess, 1
	case "DeleteAcls":
		return userAccess, 2
	case "AlterUserScramCredentials":
		return accountChange, 3
	}
	if isData(r) {
		return datastoreActivity, pick(r.Api, activity{"Fetch", 1}, activity{"ShareFetch", 1}, activity{"Produce", 5},
			activity{"DeleteRecords", 7}, activity{"ListOffsets", 8})
	}
	return apiActivity, apiActivityOf(r.Operation)
}

func apiActivityOf(operation string) int64 {
	switch operation {
	case "CREATE", "CREATE_TOKENS":
		return 1
	case "READ", "DESCRIBE", "DESCRIBE_CONFIGS", "DESCRIBE_TOKENS":
		return 2
	case "WRITE", "ALTER", "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "TWO_PHASE_COMMIT":
		return 3
	case "DELETE":
		return 4
	}
	return otherActivity
}
