package runtime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// ExecSync runs a command for a probe or a hook. A timeout (seconds) is told as DeadlineExceeded.
func (r *Runtime) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(req.Timeout)*time.Second)
		defer cancel()
	}
	var out, errOut bytes.Buffer
	err := r.exec(ctx, req.ContainerId, req.Cmd, nil, &out, &errOut)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out after %d s", req.Cmd, req.Timeout)
	}
	answer := &cri.ExecSyncResponse{Stdout: out.Bytes(), Stderr: errOut.Bytes()}
	var exit utilexec.CodeExitError
	if errors.As(err, &exit) {
		answer.ExitCode, err = int32(exit.Code), nil
	}
	return answer, err
}

// exec runs a command beside a container: its environment, its folder, gone when it is gone. A code other than 0 is a CodeExitError.
func (r *Runtime) exec(ctx context.Context, id string, argv []string, in io.Reader, out, errOut io.Writer) error {
	r.mu.Lock()
	c := r.containers[id]
	running := c != nil && c.state == cri.ContainerState_CONTAINER_RUNNING
	r.mu.Unlock()
	if !running {
		return status.Errorf(codes.NotFound, "container %s does not run", id)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.cmd.Env, c.config.WorkingDir, out, errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if in != nil { // not cmd.Stdin: waiting for it would outlive the command
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		go func() { io.Copy(stdin, in); stdin.Close() }()
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	code := exit.ExitCode()
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		code = 128 + int(ws.Signal())
	}
	return utilexec.CodeExitError{Err: err, Code: code}
}

// Exec opens a stream for kubectl exec.
func (r *Runtime) Exec(_ context.Context, req *cri.ExecRequest) (*cri.ExecResponse, error) {
	return r.streaming.GetExec(req)
}

// PortForward opens a stream for kubectl port-forward.
func (r *Runtime) PortForward(_ context.Context, req *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return r.streaming.GetPortForward(req)
}

// streams is called by the streaming server with the open streams.
type streams struct{ runtime *Runtime }

func (s streams) Exec(ctx context.Context, id string, argv []string, in io.Reader, out, errOut io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	// a nil pointer in an interface is not nil: with a terminal there is no stream for errors
	var errWriter io.Writer
	if errOut != nil {
		errWriter = errOut
	} else if out != nil {
		errWriter = out
	}
	var outWriter io.Writer
	if out != nil {
		outWriter = out
	}
	return s.runtime.exec(ctx, id, argv, in, outWriter, errWriter)
}

func (s streams) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return status.Error(codes.Unimplemented, "attach is not implemented: use logs or exec")
}

func (s streams) PortForward(ctx context.Context, id string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	s.runtime.mu.Lock()
	pod := s.runtime.sandboxes[id]
	s.runtime.mu.Unlock()
	if pod == nil {
		return status.Errorf(codes.NotFound, "no sandbox %s", id)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(pod.ip.String(), strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	done := make(chan struct{}, 2)
	go func() { io.Copy(conn, stream); conn.(*net.TCPConn).CloseWrite(); done <- struct{}{} }()
	go func() { io.Copy(stream, conn); done <- struct{}{} }()
	<-done
	return nil
}
