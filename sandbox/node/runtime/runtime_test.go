package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"devops-actions/sandbox/cluster"
)

// TestMain runs the tests in namespaces of their own: they add addresses and PID namespaces, without being root.
func TestMain(m *testing.M) {
	if os.Getenv("INSIDE") != "" {
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		if err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = append(os.Environ(), "INSIDE=yes"), os.Stdout, os.Stderr, cluster.Namespaces()
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type fixture struct {
	*testing.T
	*Runtime
	sandbox string
	config  *cri.PodSandboxConfig
}

func start(t *testing.T) *fixture {
	t.Helper()
	r, err := New(Config{Images: t.TempDir(), Streams: "127.0.0.1:0", Pods: netip.MustParsePrefix("10.244.0.0/29")})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, Runtime: r, config: &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "pod"}, Hostname: "pod", LogDirectory: t.TempDir()}}
	f.push(image{Reference: "app:v1", Command: []string{"true"}})
	f.pull("app:v1")
	pod, err := r.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: f.config})
	if err != nil {
		t.Fatal(err)
	}
	f.sandbox = pod.PodSandboxId
	t.Cleanup(func() {
		r.RemovePodSandbox(context.Background(), &cri.RemovePodSandboxRequest{PodSandboxId: f.sandbox})
	})
	return f
}

func (f *fixture) push(i image) {
	text, _ := json.Marshal(i)
	if err := os.WriteFile(filepath.Join(f.images.folder, regexp.MustCompile(`\W`).ReplaceAllString(i.Reference, "_")+".json"), text, 0o644); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) tryPull(ref string) (string, error) {
	res, err := f.images.PullImage(f.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: ref}})
	return res.GetImageRef(), err
}

func (f *fixture) pull(ref string) string {
	f.Helper()
	id, err := f.tryPull(ref)
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// container makes and starts one that runs a shell script.
func (f *fixture) container(script string, mounts ...*cri.Mount) string {
	f.Helper()
	id := f.create("sh", "-c", script)
	f.containers[id].cmd.Env = environment(f.sandboxes[f.sandbox], &cri.ContainerConfig{Mounts: mounts}, f.images.local("app:v1"))
	if _, err := f.StartContainer(f.Context(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		f.Fatal(err)
	}
	return id
}

func (f *fixture) create(argv ...string) string {
	f.Helper()
	res, err := f.CreateContainer(f.Context(), &cri.CreateContainerRequest{PodSandboxId: f.sandbox, SandboxConfig: f.config,
		Config: &cri.ContainerConfig{Metadata: &cri.ContainerMetadata{Name: "c"}, Image: &cri.ImageSpec{Image: "app:v1"}, Command: argv, LogPath: fmt.Sprintf("c/%d.log", len(f.containers))}})
	if err != nil {
		f.Fatal(err)
	}
	return res.ContainerId
}

func (f *fixture) status(id string) *cri.ContainerStatus {
	f.Helper()
	res, err := f.ContainerStatus(f.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		f.Fatal(err)
	}
	return res.Status
}

func (f *fixture) exited(id string) *cri.ContainerStatus {
	f.Helper()
	select {
	case <-f.containers[id].done:
	case <-time.After(5 * time.Second):
		f.Fatal("the container still runs after 5 s")
	}
	return f.status(id)
}

// logs waits until the container has written the text.
func (f *fixture) logs(id, text string) string {
	f.Helper()
	for range 200 {
		if all, _ := os.ReadFile(f.status(id).LogPath); strings.Contains(string(all), text) {
			return string(all)
		}
		time.Sleep(10 * time.Millisecond)
	}
	all, _ := os.ReadFile(f.status(id).LogPath)
	f.Fatalf("the log lacks %q: %s", text, all)
	return ""
}

func TestPullFollowsTagsAndDigests(t *testing.T) {
	f := start(t)
	digest := "sha256:" + strings.Repeat("a", 64)
	f.push(image{Reference: "registry.example/app:v1", Digest: digest, Command: []string{"true"}})
	id := f.pull("registry.example/app:v1")
	for _, same := range []string{"registry.example/app@" + digest, "registry.example/app:other@" + digest} {
		if got := f.pull(same); got != id {
			t.Errorf("%s is %s, want %s", same, got, id)
		}
	}
	for _, ref := range []string{id, "registry.example/app:v1", "registry.example/app@" + digest} {
		res, _ := f.images.ImageStatus(t.Context(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: ref}})
		if !slices.Equal(res.Image.GetRepoDigests(), []string{"registry.example/app@" + digest}) || !slices.Equal(res.Image.GetRepoTags(), []string{"registry.example/app:v1"}) {
			t.Errorf("status of %s: %v", ref, res.Image)
		}
	}
	f.images.RemoveImage(t.Context(), &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: id}})
	if res, _ := f.images.ImageStatus(t.Context(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: "registry.example/app@" + digest}}); res.Image != nil {
		t.Error("a removed image is still there")
	}
	f.push(image{Reference: "busybox", Command: []string{"true"}})
	if f.pull("docker.io/library/busybox:latest") != f.pull("busybox") {
		t.Error("busybox is not docker.io/library/busybox:latest")
	}
}

func TestPullErrors(t *testing.T) {
	f := start(t)
	f.push(image{Reference: "registry.example/limited:v1", PullError: "toomanyrequests: pull rate limit"})
	for ref, want := range map[string]struct {
		code codes.Code
		text string
	}{
		"registry.example/app:v9":               {codes.NotFound, "registry.example/app:v9: not found"},
		"app@sha256:" + strings.Repeat("0", 64): {codes.NotFound, ": not found"},
		"registry.example/limited:v1":           {codes.Unknown, `failed to resolve reference "registry.example/limited:v1": toomanyrequests: pull rate limit`},
		"registry.example/UPPER:v1":             {codes.InvalidArgument, "failed to parse"},
	} {
		if _, err := f.tryPull(ref); status.Code(err) != want.code || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	f := start(t)
	for script, want := range map[string]struct {
		code   int32
		reason string
	}{"true": {0, "Completed"}, "exit 3": {3, "Error"}} {
		if s := f.exited(f.container(script)); s.ExitCode != want.code || s.Reason != want.reason {
			t.Errorf("%q: %d %s", script, s.ExitCode, s.Reason)
		}
	}
	id := f.create("/no/such/program")
	if _, err := f.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: id}); err == nil {
		t.Error("a program that is not there starts")
	}
	if s := f.exited(id); s.ExitCode != 128 || s.Reason != "StartError" || !strings.Contains(s.Message, "/no/such/program") {
		t.Errorf("%d %s %s", s.ExitCode, s.Reason, s.Message)
	}
}

func TestMountsAndTerminationMessage(t *testing.T) {
	f := start(t)
	path := filepath.Join(t.TempDir(), "message")
	f.exited(f.container(`echo "no database" > $MOUNT_DEV_TERMINATION_LOG; exit 1`, &cri.Mount{ContainerPath: "/dev/termination-log", HostPath: path}))
	if text, _ := os.ReadFile(path); string(text) != "no database\n" {
		t.Errorf("message is %q", text)
	}
}

func TestStopAsksFirstAndThenKills(t *testing.T) {
	f := start(t)
	polite := f.container(`trap "exit 7" TERM; echo up; while :; do sleep 0.01; done`)
	stubborn := f.container(`trap "" TERM; echo up; while :; do sleep 0.01; done`)
	f.logs(polite, "up")
	f.logs(stubborn, "up")
	f.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: polite, Timeout: 30})
	if s := f.exited(polite); s.ExitCode != 7 {
		t.Errorf("asked to stop: exit code %d", s.ExitCode)
	}
	began := time.Now()
	f.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: stubborn, Timeout: 1})
	if s, took := f.exited(stubborn), time.Since(began); s.ExitCode != 137 || took < time.Second || took > 2*time.Second {
		t.Errorf("ignored the signal: exit code %d after %s", s.ExitCode, took)
	}
}

func TestKubeletThatGoesAwayDoesNotShortenTheGrace(t *testing.T) {
	f := start(t)
	id := f.container(`trap "" TERM; echo up; while :; do sleep 0.01; done`)
	f.logs(id, "up")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 30}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v", err)
	}
	if s := f.status(id); s.State != cri.ContainerState_CONTAINER_RUNNING {
		t.Errorf("state %s", s.State)
	}
}

func TestNothingOfAContainerOutlivesIt(t *testing.T) {
	f := start(t)
	id := f.container(`setsid sleep 98765.25 & echo up; wait`)
	f.logs(id, "up")
	go f.exec(t.Context(), id, []string{"sleep", "98765.25"}, nil, nil, nil)
	for len(running("98765.25")) < 2 {
		time.Sleep(10 * time.Millisecond)
	}
	f.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: id})
	time.Sleep(50 * time.Millisecond)
	if left := running("98765.25"); len(left) > 0 {
		t.Errorf("still there: %q", left)
	}
}

func running(argument string) (out []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if text, _ := os.ReadFile(file); strings.HasPrefix(string(text), "sleep\x00"+argument) {
			out = append(out, string(text))
		}
	}
	return out
}

func TestLogFormat(t *testing.T) {
	f := start(t)
	id := f.container(`echo one; echo two >&2; head -c 20000 /dev/zero | tr '\0' x; echo; printf end`)
	f.exited(id)
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(f.logs(id, "end")), "\n") {
		m := regexp.MustCompile(`^(\S+) (stdout|stderr) ([FP]) (.*)$`).FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not the format: %.80q", line)
		}
		if _, err := time.Parse(time.RFC3339Nano, m[1]); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprintf("%s %s %d", m[2], m[3], len(m[4])))
	}
	slices.Sort(got)
	if want := []string{"stderr F 3", "stdout F 3", "stdout F 3", "stdout F 3616", "stdout P 16384"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogIsReopenedAfterRotation(t *testing.T) {
	f := start(t)
	id := f.container(`echo one; while ! [ -e $TMPDIR/go-$HOSTNAME ]; do sleep 0.01; done; echo two`)
	f.logs(id, "one")
	path := f.status(id).LogPath
	os.Rename(path, path+".1")
	if _, err := f.ReopenContainerLog(t.Context(), &cri.ReopenContainerLogRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	signal := filepath.Join(os.TempDir(), "go-pod")
	os.WriteFile(signal, nil, 0o600)
	defer os.Remove(signal)
	if text := f.logs(id, "two"); strings.Contains(text, "one") {
		t.Errorf("the new file has %q", text)
	}
}

func TestExecSync(t *testing.T) {
	f := start(t)
	id := f.container(`echo up; sleep 1000`)
	res, err := f.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sh", "-c", "echo $POD_IP; echo bad >&2; exit 4"}})
	if err != nil || res.ExitCode != 4 || string(res.Stdout) != "10.244.0.1\n" || string(res.Stderr) != "bad\n" {
		t.Errorf("%v %v", res, err)
	}
	if _, err := f.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sleep", "1000"}, Timeout: 1}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a slow probe: %v", err)
	}
}

func TestAddressesGoRound(t *testing.T) {
	f := start(t) // has the first of 10.244.0.1 to .7
	var got []string
	for range 8 {
		pod, err := f.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: f.config})
		if err != nil {
			t.Fatal(err)
		}
		res, _ := f.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: pod.PodSandboxId})
		got = append(got, strings.TrimPrefix(res.Status.Network.Ip, "10.244.0."))
		f.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: pod.PodSandboxId})
	}
	if strings.Join(got, "") != "23456723" {
		t.Errorf("addresses %q", got)
	}
}

func TestServesTheSocket(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	done := make(chan error, 1)
	socket := filepath.Join(t.TempDir(), "r.sock")
	go func() {
		done <- Serve(ctx, Config{Socket: socket, Images: t.TempDir(), Streams: "127.0.0.1:0", Pods: netip.MustParsePrefix("10.244.0.0/29")})
	}()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	res, err := cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{}, grpc.WaitForReady(true))
	if err != nil || res.RuntimeName != "process" {
		t.Errorf("%v %v", res, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
