package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is every process of a cluster whose parts only wait: Up, Inside, and the parts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "up":
			if err := Up(Options{Dir: os.Args[2], Nodes: 1, About: `{"checkout":"/src"}`, Owner: os.Stdin}, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case InsidePart:
			Inside(os.Args[2:], func(_ context.Context, o Options, s *Supervisor) error {
				if err := s.Start(Part{Name: "waits", Args: []string{o.Dir}}); err != nil {
					return err
				}
				return s.Start(Part{Name: filepath.Base(o.Dir), Args: []string{o.Dir}, OwnPIDs: true})
			})
		case "dies":
			fmt.Println("last words")
			time.Sleep(100 * time.Millisecond)
			os.Exit(5)
		case "kills-one", "kills-one-again":
			if os.Getpid() != 1 {
				panic("no PID namespace of its own")
			}
			exec.Command("sleep", "1000", os.Args[2]).Start()
			time.Sleep(time.Hour)
		case "waits":
			syscall.Kill(1, syscall.SIGTERM) // a pod's mistake
			time.Sleep(time.Hour)
		case "plain":
			time.Sleep(time.Hour)
		}
	}
	os.Exit(m.Run())
}

type up struct {
	*testing.T
	dir    string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	events *bufio.Scanner
	errors strings.Builder
}

// start starts a cluster of which the second part does what the name says, and waits until it is ready.
func start(t *testing.T, base, name string) *up {
	t.Helper()
	u := &up{T: t, dir: filepath.Join(base, name), cmd: exec.Command("/proc/self/exe", "up", filepath.Join(base, name))}
	u.cmd.Stderr = &u.errors
	u.stdin, _ = u.cmd.StdinPipe()
	out, _ := u.cmd.StdoutPipe()
	u.events = bufio.NewScanner(out)
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.stdin.Close(); u.cmd.Wait() })
	return u
}

func (u *up) event(name string) map[string]any {
	u.Helper()
	if !u.events.Scan() {
		u.cmd.Wait()
		u.Fatalf("no event %s: %s", name, u.errors.String())
	}
	var e map[string]any
	if err := json.Unmarshal(u.events.Bytes(), &e); err != nil || e["event"] != name {
		u.Fatalf("event %s (%v), want %s", u.events.Text(), err, name)
	}
	return e
}

func (u *up) gone() {
	u.Helper()
	var left []string
	for range 200 {
		left = nil
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if text, _ := os.ReadFile(file); strings.Contains(string(text), u.dir) {
				left = append(left, strings.ReplaceAll(string(text), "\x00", " "))
			}
		}
		_, err := os.Stat(u.dir)
		if os.IsNotExist(err) && len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_, err := os.Stat(u.dir)
	u.Errorf("left behind: processes %q, folder: %v", left, err == nil)
}

func base(t *testing.T) string {
	dir, err := os.MkdirTemp("", "up")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "clusters")
}

func TestNothingIsLeft(t *testing.T) {
	for how, end := range map[string]func(u *up, inside int){
		"its owner goes":       func(u *up, _ int) { u.stdin.Close() },
		"SIGTERM":              func(u *up, _ int) { u.cmd.Process.Signal(syscall.SIGTERM) },
		"Ctrl-C":               func(u *up, _ int) { u.cmd.Process.Signal(os.Interrupt) },
		"SIGKILL":              func(u *up, _ int) { u.cmd.Process.Kill() },
		"SIGKILL of process 1": func(_ *up, inside int) { syscall.Kill(inside, syscall.SIGKILL) },
		"the control socket":   func(u *up, _ int) { u.ask(request{Do: "stop"}) },
	} {
		t.Run(how, func(t *testing.T) {
			u := start(t, base(t), "kills-one")
			end(u, int(u.event("ready")["pid"].(float64)))
			u.cmd.Wait()
			u.gone()
			if _, err := os.Stat(filepath.Dir(u.dir)); !os.IsNotExist(err) {
				t.Error("the folder of clusters is left")
			}
		})
	}
}

func TestAPartThatDiesEndsTheCluster(t *testing.T) {
	u := start(t, base(t), "dies")
	u.event("ready")
	message := u.event("died")["message"].(string)
	if err := u.cmd.Wait(); err == nil || message != "dies died: exit code 5\nlast words" || !strings.Contains(u.errors.String(), message) {
		t.Errorf("%v, %q, %q", err, message, u.errors.String())
	}
	u.gone()
}

func TestTwoCrashesAtOnceAreSweptByTheNext(t *testing.T) {
	parent := base(t)
	other := start(t, parent, "plain")
	other.event("ready")
	crashed := start(t, parent, "kills-one")
	inside := int(crashed.event("ready")["pid"].(float64))
	crashed.cmd.Process.Signal(syscall.SIGSTOP)
	syscall.Kill(inside, syscall.SIGKILL)
	crashed.cmd.Process.Kill()
	crashed.cmd.Wait()
	for { // until the kernel has closed what process 1 held
		lock, err := lockFolder(crashed.dir, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			lock.Close()
			break
		}
		if os.IsNotExist(err) {
			t.Fatal("the crash left no folder: ", err)
		}
	}
	next := start(t, parent, "kills-one-again")
	next.event("ready")
	if _, err := os.Stat(crashed.dir); !os.IsNotExist(err) {
		t.Error("the crashed one's folder is still there")
	}
	if _, err := os.Stat(filepath.Join(other.dir, "control.sock")); err != nil {
		t.Error("the running one's folder is gone")
	}
	second := exec.Command("/proc/self/exe", "up", other.dir)
	if text, err := second.CombinedOutput(); err == nil || !strings.Contains(string(text), "runs in") {
		t.Errorf("a second cluster in the same folder: %v %s", err, text)
	}
}

func (u *up) ask(r request) (parts map[string]string, problem string) {
	u.Helper()
	conn, err := net.Dial("unix", filepath.Join(u.dir, "control.sock"))
	if err != nil {
		u.Fatal(err)
	}
	defer conn.Close()
	json.NewEncoder(conn).Encode(r)
	var answer struct {
		Error string
		Parts []partStatus
	}
	json.NewDecoder(conn).Decode(&answer)
	parts = map[string]string{}
	for _, p := range answer.Parts {
		parts[p.Name] = p.State
	}
	return parts, answer.Error
}

func TestPartsCanBeHarmedOnPurpose(t *testing.T) {
	u := start(t, base(t), "plain")
	u.event("ready")
	for _, step := range []struct{ do, state string }{{"kill", "stopped"}, {"start", "running"}, {"pause", "paused"}, {"resume", "running"}, {"pause", "paused"}, {"kill", "stopped"}} {
		if parts, problem := u.ask(request{step.do, "plain"}); problem != "" || parts["plain"] != step.state || parts["waits"] != "running" {
			t.Errorf("%s: %v %s", step.do, parts, problem)
		}
	}
	for r, want := range map[request]string{{"pause", "plain"}: "it is stopped", {"kill", "nothing"}: "there are waits, plain", {"dance", "waits"}: "cannot dance"} {
		if _, problem := u.ask(r); !strings.Contains(problem, want) {
			t.Errorf("%v: %q", r, problem)
		}
	}
}

func TestAClusterSaysWhoseItIs(t *testing.T) {
	u := start(t, base(t), "plain")
	u.event("ready")
	text, err := os.ReadFile(filepath.Join(u.dir, "cluster.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Since time.Time
		About struct{ Checkout string }
	}
	if err := json.Unmarshal(text, &kept); err != nil || kept.Since.IsZero() || kept.About.Checkout != "/src" {
		t.Errorf("%s (%v)", text, err)
	}
}

func TestAnotherClustersEndMayRemoveTheParentAtAnyMoment(t *testing.T) {
	parent := base(t)
	really := sweep
	defer func() { sweep = really }()
	times := 0
	sweep = func(base string) {
		if times++; times == 1 {
			os.Remove(base)
		}
	}
	lock, err := claim(filepath.Join(parent, "one"))
	if err != nil || times != 2 {
		t.Fatalf("%v after %d tries", err, times)
	}
	lock.Close()
}

func TestOptionsAreChecked(t *testing.T) {
	if err := Up(Options{Dir: "x", Nodes: 3}, io.Discard); err == nil || !strings.Contains(err.Error(), "--nodes is 3") {
		t.Error(err)
	}
	if err := Up(Options{Dir: "x", Nodes: 1, About: "{"}, io.Discard); err == nil || !strings.Contains(err.Error(), "--about is no JSON") {
		t.Error(err)
	}
	if err := Up(Options{Dir: "/tmp/" + strings.Repeat("x", 90), Nodes: 1}, io.Discard); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}
