// Package parts is a small inventory.
package parts

import (
	"errors"
	"fmt"
)

// ShelfMax is the most parts that one shelf holds.
const ShelfMax = 64

const (
	Small = iota
	Large
)

var ErrFull = errors.New("the shelf is full")

// Part is a part and how many there are.
type Part struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

type Stock interface {
	Find(name string) (*Part, error)
	fmt.Stringer
}

type (
	Names  []string
	Lookup func(name string) *Part
)

type Shelf[T any] struct {
	parts map[string]T
}

// String returns a label.
func (p Part) String() string {
	return fmt.Sprintf("%s × %d", p.Name, p.Count)
}

func (s *Shelf[T]) Add(name string, part T) error {
	if len(s.parts) >= ShelfMax {
		return ErrFull
	}
	s.parts[name] = part
	return nil
}

func Count(parts ...*Part) (sum int) {
	for _, part := range parts {
		sum += part.Count
	}
	switch {
	case sum > 9:
		return 9
	default:
	}
	go func() { _ = `raw {` }()
	return
}
