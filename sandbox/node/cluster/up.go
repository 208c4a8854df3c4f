// Package cluster runs a cluster's parts in namespaces of their own and sees to it that nothing of them stays behind.
//
// Up stays outside. It makes the namespaces with a first process, Inside, which is process 1 there: whatever ends that one ends
// all. The two hold a pipe between them, so that each learns of the other's death, and whichever is left removes the folder. If both are
// killed at once, the next Up in the same parent folder finds a folder that nobody holds a lock on, and removes it.
package cluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Options are what a cluster can be asked to be.
type Options struct {
	// Dir is the folder for all state, removed at the end. Its parent is for such folders alone.
	Dir string
	// Images is the folder of image descriptions; by default Dir/images.
	Images string
	// Nodes is 1 or 2.
	Nodes int
	// ProxyPeriod is how often at most kube-proxy writes its rules.
	ProxyPeriod time.Duration
	// About says whose the cluster is: a JSON object that stands in the event ready, and so in cluster.json. May be empty.
	About string
	// Owner, where given, is read to its end; then the cluster stops.
	Owner io.Reader `json:"-"`
}

// Up runs a cluster until it is told to stop by SIGINT, SIGTERM, SIGHUP, its control socket or the end of Owner, and writes JSON lines to
// out: progress, ready (with the pid by which the namespaces can be entered), died, stopped. It fails when a part dies.
func Up(o Options, out io.Writer) (err error) {
	if o.Nodes < 1 || o.Nodes > 2 {
		return fmt.Errorf("--nodes is %d: 1 or 2 is possible", o.Nodes)
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if o.About != "" && !json.Valid([]byte(o.About)) {
		return fmt.Errorf("--about is no JSON: %s", o.About)
	}
	// A unix socket's path has 107 bytes; the kubelet's longest is this much longer than the folder.
	if longest := len(o.Dir) + len("/node-1/kubelet/pod-resources/kubelet.sock"); longest > 107 {
		return fmt.Errorf("--dir %s is too long by %d characters for unix sockets", o.Dir, longest-107)
	}
	lock, err := claim(o.Dir)
	if err != nil {
		return err
	}
	defer release(o.Dir, lock)
	if o.Images == "" {
		o.Images = filepath.Join(o.Dir, "images")
	}
	for _, dir := range []string{o.Images, filepath.Join(o.Dir, "log"), filepath.Join(o.Dir, "tmp"), filepath.Join(o.Dir, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Symlink(exe, filepath.Join(o.Dir, "bin", "kubectl")); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // whoever read our lines may have gone

	inside, events, life, err := startInside(exe, o, lock)
	if err != nil {
		return fmt.Errorf("cannot make namespaces (user namespaces may be restricted; root needs none): %w", err)
	}
	stop := sync.OnceFunc(func() { life.Close() })
	defer stop()
	go func() { <-signals; stop() }()
	if o.Owner != nil {
		go func() { io.Copy(io.Discard, o.Owner); stop() }()
	}
	failed := relay(events, out, o, inside.Process.Pid)
	err = inside.Wait()
	if failed != "" {
		return errors.New(failed)
	}
	return err
}

// startInside starts process 1 of the new namespaces; it gets as descriptors 3, 4 and 5 the pipe that ends with this process,
// the pipe for its events, and the lock.
func startInside(exe string, o Options, lock *os.File) (cmd *exec.Cmd, events, life *os.File, err error) {
	options, err := json.Marshal(o)
	if err != nil {
		return nil, nil, nil, err
	}
	lifeEnd, life, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer lifeEnd.Close()
	events, eventsEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer eventsEnd.Close()
	log, err := os.Create(filepath.Join(o.Dir, "log", "supervisor"))
	if err != nil {
		return nil, nil, nil, err
	}
	defer log.Close()
	cmd = exec.Command(exe, InsidePart, string(options))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{lifeEnd, eventsEnd, lock}
	cmd.SysProcAttr = Namespaces()
	return cmd, events, life, cmd.Start()
}

// Namespaces are those of a cluster: network, processes, mounts; and users unless root asks.
func Namespaces() *syscall.SysProcAttr {
	// A session of its own: Ctrl-C is for Up alone, which stops in order.
	attr := &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// relay passes the events on. To "ready" it adds the pid as this side of the namespace sees it, whose the cluster is and since when, and
// keeps that line in cluster.json for those who come later. It returns why the cluster failed, if it did.
func relay(events io.Reader, out io.Writer, o Options, pid int) (failed string) {
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var event map[string]any
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		if event["event"] == "ready" {
			event["pid"], event["since"] = pid, time.Now().UTC().Format(time.RFC3339)
			if o.About != "" {
				event["about"] = json.RawMessage(o.About)
			}
		}
		if event["event"] == "died" {
			failed = fmt.Sprint(event["message"])
		}
		line, _ := json.Marshal(event)
		if event["event"] == "ready" {
			os.WriteFile(filepath.Join(o.Dir, "cluster.json.new"), line, 0o600)
			os.Rename(filepath.Join(o.Dir, "cluster.json.new"), filepath.Join(o.Dir, "cluster.json"))
		}
		out.Write(append(line, '\n'))
	}
	return failed
}

// claim makes the folder and locks it; the lock is on the folder itself. What earlier crashes have left beside it is removed.
func claim(dir string) (*os.File, error) {
	base := filepath.Dir(dir)
	for {
		if err := os.MkdirAll(base, 0o700); err != nil {
			return nil, err
		}
		parent, err := lockFolder(base, syscall.LOCK_EX)
		if err != nil {
			return nil, err
		}
		defer parent.Close()
		if held, err := parent.Stat(); err != nil {
			return nil, err
		} else if now, err := os.Stat(base); err != nil || !os.SameFile(held, now) {
			continue // another cluster's end has removed it meanwhile
		} else if held.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			return nil, fmt.Errorf("%s belongs to another user", base)
		}
		sweep(base)
		if err := os.Mkdir(dir, 0o700); errors.Is(err, os.ErrNotExist) {
			continue // removed as above, but a moment later
		} else if errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("a cluster runs in %s already", dir)
		} else if err != nil {
			return nil, err
		}
		return lockFolder(dir, syscall.LOCK_EX)
	}
}

func lockFolder(path string, how int) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}

// sweep removes the folders that nobody holds. A variable for the tests, which let another cluster end at this moment.
var sweep = func(base string) {
	entries, _ := os.ReadDir(base)
	for _, e := range entries {
		path := filepath.Join(base, e.Name())
		if lock, err := lockFolder(path, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

// release removes the folder, and its parent if that was the last.
func release(dir string, lock *os.File) {
	os.RemoveAll(dir)
	os.Remove(filepath.Dir(dir))
	lock.Close()
}
