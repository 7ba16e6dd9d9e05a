// Package walk builds one request of every API in every version, with fields filled by their names, and brings
// answers into a form in which two runs can be compared.
package walk

import (
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Names is what the requests speak of.
type Names struct {
	Prefix  string // of everything that a request may make
	Topic   string // that exists, with one partition
	TopicID [16]byte
	Group   string // its coordinator, and that of the next two, is the broker that is asked
	Joined  string // another group, that JoinGroup joins
	TxnID   string
}

// Request builds a request with defaults, and one element in every list.
func Request(key, version int16, n Names) kmsg.Request {
	request := kmsg.RequestForKey(key)
	request.SetVersion(version)
	if d, ok := request.(interface{ Default() }); ok {
		d.Default()
	}
	n.fill(reflect.ValueOf(request).Elem(), key)
	if special, ok := specials[key]; ok {
		special(request, version, n)
	}
	return request
}

// fill sets fields by their names and puts one element into every list of structs.
func (n Names) fill(v reflect.Value, key int16) {
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if name == "UnknownTags" || name == "Version" || !field.CanSet() {
			continue
		}
		switch field.Kind() {
		case reflect.Struct:
			n.fill(field, key)
		case reflect.Slice:
			n.fillSlice(name, field, key)
		case reflect.String:
			field.SetString(n.text(name))
		case reflect.Array:
			if strings.HasSuffix(name, "TopicID") {
				field.Set(reflect.ValueOf(n.TopicID))
			}
		case reflect.Pointer:
			if field.Type().Elem().Kind() == reflect.String && isName(name) {
				text := n.text(name)
				field.Set(reflect.ValueOf(&text))
			}
		}
	}
}

func (n Names) fillSlice(name string, field reflect.Value, key int16) {
	element := field.Type().Elem()
	switch element.Kind() {
	case reflect.Struct:
		e := reflect.New(element)
		if d, ok := e.Interface().(interface{ Default() }); ok {
			d.Default()
		}
		n.fill(e.Elem(), key)
		field.Set(reflect.Append(field, e.Elem()))
	case reflect.String:
		field.Set(reflect.Append(field, reflect.ValueOf(n.text(strings.TrimSuffix(name, "s")))))
	case reflect.Int32:
		if strings.HasSuffix(name, "Partitions") || strings.HasSuffix(name, "Partition") {
			field.Set(reflect.Append(field, reflect.ValueOf(int32(0))))
		}
	}
}

func isName(field string) bool {
	switch field {
	case "Topic", "Group", "TransactionalID", "User", "Name":
		return true
	}
	return false
}

// text is a string for a field of this name.
func (n Names) text(field string) string {
	switch {
	case strings.HasSuffix(field, "Topic"), field == "TopicName":
		return n.Topic
	case field == "Group", field == "GroupID", field == "CoordinatorKey":
		return n.Group
	case field == "TransactionalID", field == "TransactionalIDs":
		return n.TxnID
	case field == "MemberID", field == "InstanceID", field == "Mechanism", field == "Rack":
		return ""
	}
	return n.Prefix + "x"
}
