package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	"github.com/spf13/cobra"
	noopoteltrace "go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
	"k8s.io/mount-utils"
)

// kubeletFlags are what differs from node to node.
type kubeletFlags struct{ kubeconfig, root, node, address, runtime, cert, key string }

// newKubeletCommand is the real kubelet with stubs for what would touch the machine: cgroups, mounts, the OOM score.
func newKubeletCommand() *cobra.Command {
	var k kubeletFlags
	cmd := &cobra.Command{Use: "kubelet", Args: cobra.NoArgs, SilenceUsage: true, RunE: func(cmd *cobra.Command, _ []string) error { return k.run(cmd.Context()) }}
	f := cmd.Flags()
	f.StringVar(&k.kubeconfig, "kubeconfig", "", "how to reach the API server")
	f.StringVar(&k.root, "root", "", "folder for the node's state")
	f.StringVar(&k.node, "node", "", "name of the node")
	f.StringVar(&k.address, "address", "", "address of the node")
	f.StringVar(&k.runtime, "runtime", "", "unix socket of the container runtime")
	f.StringVar(&k.cert, "cert", "", "certificate to serve with")
	f.StringVar(&k.key, "key", "", "key of that certificate")
	return cmd
}

func (k *kubeletFlags) run(ctx context.Context) error {
	if err := kubeletapp.NewKubeletCommand(ctx).ParseFlags(nil); err != nil { // registers the feature gates
		return err
	}
	// The second gate reads cgroups of pods, which there are none of, and logs an error for each pod at each sync.
	if err := utilfeature.DefaultMutableFeatureGate.Set("KubeletInUserNamespace=true,InPlacePodLevelResourcesVerticalScaling=false"); err != nil {
		return err
	}
	flags := options.NewKubeletFlags()
	flags.RootDirectory, flags.CertDirectory = filepath.Join(k.root, "kubelet"), filepath.Join(k.root, "pki")
	flags.HostnameOverride, flags.NodeIP = k.node, k.address
	flags.MinimumGCAge = metav1.Duration{Duration: time.Minute}
	flags.MaxContainerCount, flags.MaxPerPodContainerCount = -1, 2
	c, err := options.NewKubeletConfiguration()
	if err != nil {
		return err
	}
	c.Address, c.Port, c.ReadOnlyPort, c.HealthzPort = k.address, 10250, 0, 0
	c.TLSCertFile, c.TLSPrivateKeyFile = k.cert, k.key
	// Only what runs in the cluster's own network namespace can ask.
	c.Authentication.Anonymous.Enabled, c.Authentication.Webhook.Enabled = true, false
	c.Authorization.Mode = "AlwaysAllow"
	c.CgroupsPerQOS, c.EnforceNodeAllocatable, c.FailSwapOn, c.FailCgroupV1 = false, nil, false, false
	c.LocalStorageCapacityIsolation, c.EnableControllerAttachDetach = false, false
	c.EvictionHard, c.ImageGCHighThresholdPercent = nil, 100 // neither: descriptions take no room
	c.PodLogsDir = filepath.Join(k.root, "pod-logs")
	c.MaxPods, c.RegistryPullQPS, c.RegistryBurst, c.SerializeImagePulls = 500, 0, 0, false
	c.ResolverConfig, c.ClusterDNS = "", nil
	c.SyncFrequency.Duration = 10 * time.Second
	c.NodeStatusUpdateFrequency.Duration = 5 * time.Second
	c.ContainerRuntimeEndpoint = "unix://" + k.runtime
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		c.MaxOpenFiles = int64(min(limit.Max, 1_000_000)) // more may be refused
	}

	rest, err := clientcmd.BuildConfigFromFlags("", k.kubeconfig)
	if err != nil {
		return err
	}
	rest.QPS, rest.Burst = 200, 400
	client, err := clientset.NewForConfig(rest)
	if err != nil {
		return err
	}
	server := &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *c}
	tls, err := kubeletapp.InitializeTLS(ctx, &server.KubeletFlags, &server.KubeletConfiguration)
	if err != nil {
		return err
	}
	auth, _, err := kubeletapp.BuildAuth("sandbox", client, server.KubeletConfiguration)
	if err != nil {
		return err
	}
	var plugins []volume.VolumePlugin
	for _, p := range [][]volume.VolumePlugin{emptydir.ProbeVolumePlugins(), configmap.ProbeVolumePlugins(), secret.ProbeVolumePlugins(), projected.ProbeVolumePlugins(), downwardapi.ProbeVolumePlugins()} {
		plugins = append(plugins, p...)
	}
	deps := &kubelet.Dependencies{
		Auth: auth, TLSOptions: tls,
		KubeClient: client, HeartbeatClient: client, EventClient: client.CoreV1(),
		CAdvisorInterface: machine{&cadvisortest.Fake{NodeName: k.node}}, ContainerManager: cm.NewStubContainerManager(),
		OSInterface: kubecontainer.RealOS{}, OOMAdjuster: oom.NewFakeOOMAdjuster(),
		Mounter: &mount.FakeMounter{}, Subpather: &subpath.FakeSubpath{}, HostUtil: hostutil.NewFakeHostUtil(nil), VolumePlugins: plugins,
		PodStartupLatencyTracker: kubeletutil.NewPodStartupLatencyTracker(), NodeStartupLatencyTracker: kubeletutil.NewNodeStartupLatencyTracker(),
		TracerProvider: noopoteltrace.NewTracerProvider(),
	}
	if err := kubelet.PreInitRuntimeService(ctx, &server.KubeletConfiguration, deps); err != nil {
		return err
	}
	if err := kubeletapp.RunKubelet(ctx, server, deps); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// machine says what the node is. Its size is nominal, so that what fits does not depend on the machine: nothing is enforced.
type machine struct{ *cadvisortest.Fake }

func (m machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{NumCores: 16, MemoryCapacity: 32 << 30, InstanceID: cadvisorapi.InstanceID(m.NodeName), MachineID: m.NodeName, SystemUUID: m.NodeName}, nil
}

func (machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return &cadvisorapi.VersionInfo{KernelVersion: strings.TrimSpace(string(kernel)), ContainerOsVersion: "sandbox (containers are processes)"}, nil
}
