package runtime

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// longestLine is where containerd, too, cuts a line into parts.
const longestLine = 16 * 1024

// logWriter writes the format of container logs that the kubelet reads: time, stream, F for a full line or P for a part of one, text.
type logWriter struct {
	mu   sync.Mutex
	file *os.File
}

// open starts or goes on writing at path.
func (w *logWriter) open(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file = file
	return nil
}

func (w *logWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// copy reads to the end, even when writing fails: a full disk must not block the process.
func (w *logWriter) copy(stream string, from io.Reader) {
	lines := bufio.NewReaderSize(from, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			tag := "F"
			if errors.Is(err, bufio.ErrBufferFull) {
				tag = "P"
			}
			w.mu.Lock()
			if w.file != nil {
				fmt.Fprintf(w.file, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, bytes.TrimSuffix(line, []byte("\n")))
			}
			w.mu.Unlock()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
