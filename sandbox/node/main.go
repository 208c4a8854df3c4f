// Sandbox is a whole Kubernetes cluster in one program: etcd, the control plane, kube-proxy, kubectl, the real kubelet, a
// container runtime that runs each container as a process, and the supervisor that starts them all in namespaces of their own.
// The first argument picks the part.
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	etcd "go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	"devops-actions/sandbox/cluster"
	"devops-actions/sandbox/runtime"
)

func main() {
	parts := map[string]func() *cobra.Command{
		"up":                      newUpCommand,
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": manager.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kube-proxy":              proxy.NewProxyCommand,
		"kubectl":                 kubectl.NewDefaultKubectlCommand,
		"kubelet":                 newKubeletCommand,
		"runtime":                 newRuntimeCommand,
		"etcd":                    nil,
		cluster.InsidePart:        nil,
	}
	name := filepath.Base(os.Args[0]) // a link named kubectl is kubectl
	if _, ok := parts[name]; !ok && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	part, ok := parts[name]
	if !ok {
		var names []string
		for n := range parts {
			names = append(names, n)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: sandbox %s ...\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	os.Args[0] = name
	switch name {
	case "etcd":
		etcd.Main(os.Args)
	case cluster.InsidePart:
		cluster.Inside(os.Args[1:], cluster.KubernetesParts)
	default:
		os.Exit(cli.Run(part()))
	}
}

func newUpCommand() *cobra.Command {
	var options cluster.Options
	var owned bool
	cmd := &cobra.Command{Use: "up", Short: "Run a cluster until it is told to stop; tell what happens as JSON lines", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			if owned {
				options.Owner = os.Stdin
			}
			return cluster.Up(options, os.Stdout)
		}}
	f := cmd.Flags()
	f.StringVar(&options.Dir, "dir", "", "folder for all state, removed at the end; its parent is for such folders alone")
	f.StringVar(&options.Images, "images", "", "folder of image descriptions (default: images, in the folder for all state)")
	f.IntVar(&options.Nodes, "nodes", 1, "how many nodes, 1 or 2")
	f.DurationVar(&options.ProxyPeriod, "proxy-period", cluster.DefaultProxyPeriod, "how often at most kube-proxy writes its rules")
	f.StringVar(&options.About, "about", "", "whose the cluster is, as a JSON object; kept in cluster.json")
	f.BoolVar(&owned, "until-eof", false, "stop when standard input ends: its other end belongs to the cluster's owner")
	cmd.MarkFlagRequired("dir")
	return cmd
}

func newRuntimeCommand() *cobra.Command {
	var config runtime.Config
	var pods string
	cmd := &cobra.Command{Use: "runtime", Short: "Serve the Container Runtime Interface with processes as containers", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(*cobra.Command, []string) (err error) {
			if config.Pods, err = netip.ParsePrefix(pods); err != nil {
				return err
			}
			return runtime.Serve(context.Background(), config)
		}}
	f := cmd.Flags()
	f.StringVar(&config.Socket, "socket", "", "unix socket to listen on")
	f.StringVar(&config.Images, "images", "", "folder of image descriptions")
	f.StringVar(&config.Streams, "streams", "", "address that serves exec and port-forward")
	f.StringVar(&pods, "pods", "", "addresses of this node's pods, as 10.244.0.0/18")
	return cmd
}
