package api

// lowRows are the APIs with keys 2 to 36, in their order. Adding one is a file NN_name.go and a row here.
//
// Not here, and so never passed, are 4 to 7, which brokers speak among themselves.
var lowRows = []*API{
	listOffsetsRow,
	metadataRow,
	offsetCommitRow,
	offsetFetchRow,
	findCoordinatorRow,
	joinGroupRow,
	heartbeatRow,
	leaveGroupRow,
	syncGroupRow,
	describeGroupsRow,
	listGroupsRow,
	saslHandshakeRow,
	apiVersionsRow,
	createTopicsRow,
	deleteTopicsRow,
	deleteRecordsRow,
	initProducerIDRow,
	offsetForLeaderEpochRow,
	addPartitionsToTxnRow,
	addOffsetsToTxnRow,
	endTxnRow,
	writeTxnMarkersRow,
	txnOffsetCommitRow,
	describeACLsRow,
	createACLsRow,
	deleteACLsRow,
	describeConfigsRow,
	alterConfigsRow,
	alterReplicaLogDirsRow,
	describeLogDirsRow,
	saslAuthenticateRow,
}
