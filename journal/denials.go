package journal

import "time"

type denials struct{ journal *Journal }

func newDenials(j *Journal) *denials { return &denials{journal: j} }

func (d *denials) sweep(now time.Time) {}
func (d *denials) flush()              {}
