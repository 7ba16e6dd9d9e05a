package access

import "testing"

func TestNamesAreReadAsWritten(t *testing.T) {
	for o := OpRead; int(o) < len(operationNames); o++ {
		if got, err := ParseOperation(o.String()); err != nil || got != o {
			t.Errorf("%v is read as %v, %v", o, got, err)
		}
	}
	for r := ResTopic; int(r) < len(resourceNames); r++ {
		if got, err := ParseResourceType(r.String()); err != nil || got != r {
			t.Errorf("%v is read as %v, %v", r, got, err)
		}
	}
	if o, err := ParseOperation("describe_configs"); err != nil || o != OpDescribeConfigs {
		t.Errorf("lower case: %v, %v", o, err)
	}
	for _, bad := range []string{"", "NONE", "UNKNOWN", "READ ", "ALL"} {
		if o, err := ParseOperation(bad); err == nil {
			t.Errorf("%q is an operation: %v", bad, o)
		}
		if r, err := ParseResourceType(bad); err == nil {
			t.Errorf("%q is a resource type: %v", bad, r)
		}
	}
}
