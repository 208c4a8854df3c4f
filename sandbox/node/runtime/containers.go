package runtime

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type container struct {
	id, sandbox, logPath       string
	config                     *cri.ContainerConfig
	image                      *image
	cmd                        *exec.Cmd
	log                        logWriter
	state                      cri.ContainerState
	created, started, finished int64
	exitCode                   int32
	reason, message            string
	done                       chan struct{} // closed when the container has exited
}

// CreateContainer prepares the process; nothing runs yet.
func (r *Runtime) CreateContainer(_ context.Context, req *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	config := req.Config
	img := r.images.local(config.Image.GetImage())
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[req.PodSandboxId]
	if s == nil || img == nil {
		return nil, status.Errorf(codes.NotFound, "no sandbox %s or no image %s", req.PodSandboxId, config.Image.GetImage())
	}
	argv := append(slices.Clone(config.Command), config.Args...)
	if len(config.Command) == 0 {
		argv = append(slices.Clone(img.Command), config.Args...)
	}
	if len(argv) == 0 {
		return nil, status.Errorf(codes.InvalidArgument, "container %s has no command", config.Metadata.GetName())
	}
	c := &container{id: uuid.NewString(), sandbox: s.id, config: config, image: img, created: time.Now().UnixNano(), state: cri.ContainerState_CONTAINER_CREATED,
		done: make(chan struct{}), logPath: filepath.Join(s.config.LogDirectory, config.LogPath)}
	c.cmd = exec.Command(argv[0], argv[1:]...)
	c.cmd.Env, c.cmd.Dir = environment(s, config, img), config.WorkingDir
	// The process is the first of a PID namespace: when it ends, the kernel kills all that it has started, as in a container.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWPID}
	r.containers[c.id] = c
	return &cri.CreateContainerResponse{ContainerId: c.id}, nil
}

// environment is what stands for the container's file system and network: POD_IP to listen on, and MOUNT_<PATH> for each
// mounted path, since processes share the machine's file system (/dev/termination-log is $MOUNT_DEV_TERMINATION_LOG).
func environment(s *sandbox, config *cri.ContainerConfig, img *image) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "HOSTNAME=" + s.config.Hostname, "POD_IP=" + s.ip.String()}
	for _, m := range config.Mounts {
		env = append(env, "MOUNT"+strings.ToUpper(strings.NewReplacer("/", "_", "-", "_", ".", "_").Replace(m.ContainerPath))+"="+m.HostPath)
	}
	for _, k := range slices.Sorted(maps.Keys(img.Env)) {
		env = append(env, k+"="+img.Env[k])
	}
	for _, e := range config.Envs {
		env = append(env, e.Key+"="+string(e.Value))
	}
	return env
}

// StartContainer starts the process. A command that cannot be started leaves an exited container with reason StartError, as runc does.
func (r *Runtime) StartContainer(_ context.Context, req *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[req.ContainerId]
	if c == nil {
		return nil, status.Errorf(codes.NotFound, "no container %s", req.ContainerId)
	}
	if c.state != cri.ContainerState_CONTAINER_CREATED {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s was started before", c.id)
	}
	if err := c.log.open(c.logPath); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	c.started = time.Now().UnixNano()
	if err := c.cmd.Start(); err != nil {
		err = fmt.Errorf("failed to start container %q: %w", c.config.Metadata.GetName(), err)
		c.exited(128, "StartError", err.Error())
		return nil, err
	}
	c.state = cri.ContainerState_CONTAINER_RUNNING
	var copies sync.WaitGroup
	copies.Go(func() { c.log.copy("stdout", stdout) })
	copies.Go(func() { c.log.copy("stderr", stderr) })
	go func() {
		copies.Wait() // the last lines belong to the log before the exit is told: a termination message may be taken from them
		c.cmd.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		code := int32(c.cmd.ProcessState.ExitCode())
		if ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			code = 128 + int32(ws.Signal())
		}
		if code == 0 {
			c.exited(0, "Completed", "")
		} else {
			c.exited(code, "Error", "")
		}
	}()
	return &cri.StartContainerResponse{}, nil
}

func (c *container) exited(code int32, reason, message string) {
	c.log.close()
	c.state, c.exitCode, c.reason, c.message, c.finished = cri.ContainerState_CONTAINER_EXITED, code, reason, message, time.Now().UnixNano()
	close(c.done)
}

// StopContainer sends SIGTERM and, when the timeout (seconds) has passed, SIGKILL. It returns when the container has exited.
func (r *Runtime) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	r.mu.Lock()
	c := r.containers[req.ContainerId]
	r.mu.Unlock()
	if c == nil {
		return &cri.StopContainerResponse{}, nil
	}
	return &cri.StopContainerResponse{}, r.stop(ctx, c, time.Duration(req.Timeout)*time.Second)
}

func (r *Runtime) stop(ctx context.Context, c *container, grace time.Duration) error {
	r.mu.Lock()
	running := c.state == cri.ContainerState_CONTAINER_RUNNING
	r.mu.Unlock()
	if !running {
		return nil
	}
	if grace > 0 {
		c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
			return nil
		case <-ctx.Done(): // the kubelet went away: the next one asks again, with the grace that is left
			return ctx.Err()
		case <-time.After(grace):
		}
	}
	c.cmd.Process.Kill()
	<-c.done
	return nil
}

// RemoveContainer kills the container if it runs and forgets it with its log.
func (r *Runtime) RemoveContainer(ctx context.Context, req *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	r.mu.Lock()
	c := r.containers[req.ContainerId]
	r.mu.Unlock()
	if c == nil {
		return &cri.RemoveContainerResponse{}, nil
	}
	if err := r.stop(ctx, c, 0); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	os.Remove(c.logPath)
	delete(r.containers, c.id)
	return &cri.RemoveContainerResponse{}, nil
}

// ListContainers lists the containers that the filter lets through.
func (r *Runtime) ListContainers(_ context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, f := &cri.ListContainersResponse{}, req.Filter
	for _, c := range r.containers {
		if (f.GetId() == "" || f.GetId() == c.id) && (f.GetPodSandboxId() == "" || f.GetPodSandboxId() == c.sandbox) &&
			(f.GetState() == nil || f.GetState().State == c.state) && subset(f.GetLabelSelector(), c.config.Labels) {
			out.Containers = append(out.Containers, &cri.Container{Id: c.id, PodSandboxId: c.sandbox, Metadata: c.config.Metadata, Image: c.imageSpec(), ImageRef: c.image.repoDigest(),
				ImageId: c.image.id, State: c.state, CreatedAt: c.created, Labels: c.config.Labels, Annotations: c.config.Annotations})
		}
	}
	return out, nil
}

// imageSpec names the image as the pod's status shows it.
func (c *container) imageSpec() *cri.ImageSpec {
	return &cri.ImageSpec{Image: c.image.tagged(), UserSpecifiedImage: c.config.Image.GetUserSpecifiedImage()}
}

// ContainerStatus tells all about one container.
func (r *Runtime) ContainerStatus(_ context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[req.ContainerId]
	if c == nil {
		return nil, status.Errorf(codes.NotFound, "no container %s", req.ContainerId)
	}
	return &cri.ContainerStatusResponse{Status: &cri.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.created, StartedAt: c.started, FinishedAt: c.finished,
		ExitCode: c.exitCode, Reason: c.reason, Message: c.message, Image: c.imageSpec(), ImageRef: c.image.repoDigest(), ImageId: c.image.id,
		Labels: c.config.Labels, Annotations: c.config.Annotations, Mounts: c.config.Mounts, LogPath: c.logPath,
	}}, nil
}

// UpdateContainerResources accepts any limits: nothing enforces them.
func (r *Runtime) UpdateContainerResources(context.Context, *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	return &cri.UpdateContainerResourcesResponse{}, nil
}

// ReopenContainerLog goes on in a new file after the kubelet has renamed the full one.
func (r *Runtime) ReopenContainerLog(_ context.Context, req *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[req.ContainerId]
	if c == nil || c.state != cri.ContainerState_CONTAINER_RUNNING {
		return nil, status.Errorf(codes.NotFound, "container %s does not run", req.ContainerId)
	}
	return &cri.ReopenContainerLogResponse{}, c.log.open(c.logPath)
}

// ListContainerStats has none: nothing measures a process here.
func (r *Runtime) ListContainerStats(context.Context, *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	return &cri.ListContainerStatsResponse{}, nil
}
