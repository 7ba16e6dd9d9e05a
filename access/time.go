package access

import "google.golang.org/protobuf/types/known/timestamppb"

const timeLayout = "2006-01-02T15:04:05.000000Z"

// AppendTime appends a time as records have it: RFC 3339 in UTC with six decimals, cut, not rounded. It is several to a
// record, so it does without the time package where the year is one of ours.
func AppendTime(dst []byte, t *timestamppb.Timestamp) []byte {
	const year2000, year2100 = 946684800, 4102444800
	if t.Seconds < year2000 || t.Seconds >= year2100 || t.Nanos < 0 || t.Nanos > 999_999_999 {
		return t.AsTime().AppendFormat(dst, timeLayout)
	}
	days, second := (t.Seconds-year2000)/86400, (t.Seconds-year2000)%86400
	year, month, day := date(days)
	dst = digits2(append(dst, '2', '0'), year)
	dst = digits2(append(dst, '-'), month)
	dst = digits2(append(dst, '-'), day)
	dst = digits2(append(dst, 'T'), second/3600)
	dst = digits2(append(dst, ':'), second/60%60)
	dst = digits2(append(dst, ':'), second%60)
	micros := int64(t.Nanos / 1000)
	dst = digits2(append(dst, '.'), micros/10000)
	dst = digits2(dst, micros/100%100)
	return append(digits2(dst, micros%100), 'Z')
}

// date is that of a day counted from 2000-01-01, in the years to 2099, of which each fourth is a leap year. It counts
// from the first of March, so that the leap day is the last of its year.
func date(days int64) (year, month, day int64) {
	days += 1401               // since 1996-03-01
	year = (4*days + 3) / 1461 // of March to February
	days -= year * 1461 / 4
	month = (5*days + 2) / 153 // from March on, 0 to 11
	day = days - (153*month+2)/5 + 1
	year, month = year-4, month+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func digits2(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
