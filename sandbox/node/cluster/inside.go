package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// InsidePart is the name of the part that runs Inside.
const InsidePart = "inside"

// startLimit is when a cluster that is not ready has failed.
const startLimit = 2 * time.Minute

// Part is one of the cluster's processes: this same program with other arguments.
type Part struct {
	Name string
	// Command is the program's first argument; by default the name.
	Command string
	Args    []string
	// OwnPIDs gives the part a PID namespace: with it dies all that it has started, as with a node.
	OwnPIDs bool
}

// Supervisor is process 1. It starts parts, reaps whatever ends, and ends the cluster when a part dies that was not told to.
type Supervisor struct {
	dir    string
	exe    string
	events *os.File
	since  time.Time

	mu      sync.Mutex
	changed *sync.Cond // a part's state
	parts   []*running
	ending  bool
}

type running struct {
	Part
	pid   int
	state string // running, paused, stopped
}

// Inside is process 1 of the namespaces that Up has made; it never returns. start starts the parts and returns when the cluster is ready.
func Inside(args []string, start func(context.Context, Options, *Supervisor) error) {
	// Process 1 must not die of what a pod's process sends to it by mistake (kill 1), nor of a reader that has gone.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT)
	for fd := 3; fd <= 5; fd++ {
		syscall.CloseOnExec(fd)
	}
	life, events := os.NewFile(3, "life"), os.NewFile(4, "events")
	s := &Supervisor{events: events, since: time.Now()}
	s.changed = sync.NewCond(&s.mu)
	ctx, cancel := context.WithTimeoutCause(context.Background(), startLimit, fmt.Errorf("not ready after %s", startLimit))
	defer cancel()
	var o Options
	err := json.Unmarshal([]byte(args[0]), &o)
	s.dir = o.Dir
	go func() {
		io.Copy(io.Discard, life)
		s.End("told to stop, or the owner has gone", false)
	}()
	if err == nil {
		err = s.prepare()
	}
	if err == nil {
		err = start(ctx, o, s)
	}
	if err != nil {
		s.End(err.Error(), true)
	}
	s.Tell("ready", "dir", o.Dir, "kubeconfig", filepath.Join(o.Dir, "admin.kubeconfig"), "images", o.Images, "nodes", o.Nodes)
	select {}
}

func (s *Supervisor) prepare() (err error) {
	if s.exe, err = os.Executable(); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Where it is refused (some containers mask parts of /proc), the machine's own serves: only the numbers of processes differ.
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		fmt.Fprintln(os.Stderr, "no /proc of its own:", err)
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("set up the network: %w", err)
	}
	go s.reap()
	return s.serveControl()
}

// loopback brings up the only device. The route is for ClusterIPs: an address without a route is refused before it is translated.
func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	everything, err := netlink.ParseIPNet("0.0.0.0/0")
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: everything})
}

func addAddress(ip string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(ip + "/32")
	if err != nil {
		return err
	}
	return netlink.AddrAdd(lo, addr)
}

// Tell writes an event; fields are names and values in turn.
func (s *Supervisor) Tell(event string, fields ...any) {
	line := map[string]any{"event": event, "seconds": float64(time.Since(s.since).Milliseconds()) / 1000}
	for i := 0; i < len(fields); i += 2 {
		line[fmt.Sprint(fields[i])] = fields[i+1]
	}
	text, _ := json.Marshal(line)
	s.events.Write(append(text, '\n'))
}

// Start starts a part; its output goes to log/NAME.
func (s *Supervisor) Start(p Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &running{Part: p}
	s.parts = append(s.parts, r)
	return s.run(r)
}

// run needs the lock: the reaper must not see the process before it is known.
func (s *Supervisor) run(r *running) error {
	if s.ending {
		return errors.New("the cluster is ending")
	}
	log, err := os.OpenFile(s.logOf(r), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	command := r.Command
	if command == "" {
		command = r.Name
	}
	attr := &syscall.SysProcAttr{Setsid: true}
	if r.OwnPIDs {
		attr.Cloneflags = syscall.CLONE_NEWPID
	}
	// Not os/exec: the reaper waits for all processes, those it has not started too.
	r.pid, err = syscall.ForkExec(s.exe, append([]string{s.exe, command}, r.Args...), &syscall.ProcAttr{Env: s.environment(), Files: []uintptr{null.Fd(), log.Fd(), log.Fd()}, Sys: attr})
	if err != nil {
		return fmt.Errorf("start %s: %w", r.Name, err)
	}
	r.state = "running"
	return nil
}

// environment holds nothing of the caller's (proxies, kubeconfigs); iptables may lie where an ordinary user's PATH does not look.
func (s *Supervisor) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin", "HOME=" + s.dir, "TMPDIR=" + filepath.Join(s.dir, "tmp")}
}

func (s *Supervisor) logOf(r *running) string { return filepath.Join(s.dir, "log", r.Name) }

func (s *Supervisor) reap() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for range children {
		for {
			var status syscall.WaitStatus
			s.mu.Lock()
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				s.mu.Unlock()
				break
			}
			i := slices.IndexFunc(s.parts, func(r *running) bool { return r.pid == pid })
			if i < 0 {
				s.mu.Unlock()
				continue
			}
			part := s.parts[i]
			part.pid = 0
			unexpected := part.state != "stopped" && !s.ending
			s.changed.Broadcast()
			s.mu.Unlock()
			if unexpected {
				s.End(fmt.Sprintf("%s died: %s\n%s", part.Name, describe(status), tail(s.logOf(part), 20)), true)
			}
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

func tail(path string, lines int) string {
	text, _ := os.ReadFile(path)
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// End kills everything, removes the folder and exits: as a failure that is told as died, or as stopped. The first call counts.
func (s *Supervisor) End(why string, failed bool) {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		select {}
	}
	s.ending = true
	if failed {
		s.Tell("died", "message", why)
	}
	// Killed, not asked: nobody needs the data. Again until none is left, for a process may have started another meanwhile.
	for {
		syscall.Kill(-1, syscall.SIGKILL)
		if _, err := syscall.Wait4(-1, nil, 0, nil); errors.Is(err, syscall.ECHILD) {
			break
		}
	}
	os.RemoveAll(s.dir)
	os.Remove(filepath.Dir(s.dir))
	if !failed {
		s.Tell("stopped", "message", why)
	}
	if failed {
		os.Exit(1)
	}
	os.Exit(0)
}
