package cluster

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// request is one line on the control socket, Dir/control.sock; the answer is one line too, with "error" where it failed.
type request struct {
	// Do is status, stop, or for one part: kill (SIGKILL, stays down), start (again), pause and resume (SIGSTOP, SIGCONT).
	Do   string `json:"do"`
	Part string `json:"part"`
}

type partStatus struct {
	Name  string `json:"name"`
	PID   int    `json:"pid"`
	State string `json:"state"`
}

func (s *Supervisor) serveControl() error {
	listener, err := net.Listen("unix", filepath.Join(s.dir, "control.sock"))
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.answer(conn)
		}
	}()
	return nil
}

func (s *Supervisor) answer(conn net.Conn) {
	defer conn.Close()
	var req request
	answer := map[string]any{}
	if err := json.NewDecoder(conn).Decode(&req); err != nil {
		answer["error"] = "not understood: " + err.Error()
	} else if req.Do == "stop" {
		s.End("told to stop", false) // the connection ends with this process
	} else if err := s.control(req); err != nil {
		answer["error"] = err.Error()
	} else {
		answer["parts"] = s.status()
	}
	json.NewEncoder(conn).Encode(answer)
}

func (s *Supervisor) status() []partStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []partStatus
	for _, p := range s.parts {
		out = append(out, partStatus{p.Name, p.pid, p.state})
	}
	return out
}

func (s *Supervisor) control(req request) error {
	if req.Do == "status" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.parts, func(r *running) bool { return r.Name == req.Part })
	if i < 0 {
		var names []string
		for _, p := range s.parts {
			names = append(names, p.Name)
		}
		return fmt.Errorf("no part %q; there are %s", req.Part, strings.Join(names, ", "))
	}
	p := s.parts[i]
	switch {
	case req.Do == "start" && p.state == "stopped":
		return s.run(p)
	case req.Do == "kill" && p.state != "stopped":
		p.state = "stopped"
		syscall.Kill(p.pid, syscall.SIGKILL)
		for p.pid != 0 {
			s.changed.Wait()
		}
		return nil
	case req.Do == "pause" && p.state == "running":
		p.state = "paused"
		return syscall.Kill(p.pid, syscall.SIGSTOP)
	case req.Do == "resume" && p.state == "paused":
		p.state = "running"
		return syscall.Kill(p.pid, syscall.SIGCONT)
	}
	return fmt.Errorf("cannot %s %s: it is %s", req.Do, p.Name, p.state)
}
