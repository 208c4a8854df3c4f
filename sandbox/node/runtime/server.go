// Package runtime is a container runtime without containers: a pod sandbox is an address on the loopback device, a container is
// a process in a PID namespace of its own, an image is a JSON file that names the command. It serves the kubelet through the Container
// Runtime Interface, as containerd does, so probes, restarts, back-off, grace and events are the kubelet's own.
package runtime

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
)

// Config says where a runtime finds its images and which addresses it gives to pods.
type Config struct {
	// Socket is the path of the unix socket that Serve listens on.
	Socket string
	// Images is the folder of image descriptions.
	Images string
	// Streams is the address (host:port) that serves exec and port-forward; port 0 takes a free one.
	Streams string
	// Pods are the addresses of this node's pods.
	Pods netip.Prefix
}

// Runtime holds the state of one node's pods. It outlives the kubelet, which asks for it again when it comes back.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	images    imageStore
	pods      netip.Prefix
	streaming streaming.Server

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
	lastIP     netip.Addr
}

// New makes a runtime without any pod. It starts to listen for streams, and fails when it cannot.
func New(config Config) (*Runtime, error) {
	r := &Runtime{images: imageStore{folder: config.Images, pulled: map[string]*image{}}, pods: config.Pods, lastIP: config.Pods.Addr(),
		sandboxes: map[string]*sandbox{}, containers: map[string]*container{}}
	listener, err := net.Listen("tcp", config.Streams)
	if err != nil {
		return nil, err
	}
	options := streaming.DefaultConfig
	options.Addr = listener.Addr().String()
	listener.Close() // the streaming server opens the address itself
	if r.streaming, err = streaming.NewServer(options, streams{r}); err != nil {
		return nil, err
	}
	go r.streaming.Start(true)
	return r, nil
}

// Serve answers the kubelet on the socket until ctx ends; it returns the error that ended it before.
func Serve(ctx context.Context, config Config) error {
	r, err := New(config)
	if err != nil {
		return err
	}
	os.Remove(config.Socket)
	listener, err := net.Listen("unix", config.Socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(server, r)
	cri.RegisterImageServiceServer(server, &r.images)
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(listener)
}

// Version names the runtime as `kubectl get nodes -o wide` shows it.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: "process", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

// Status is always ready: there is nothing behind this runtime that could fail.
func (r *Runtime) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Status: true}}}}, nil
}

// UpdateRuntimeConfig has nothing to update: the kubelet tells the node's pod addresses, which Config gave already.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	return &cri.UpdateRuntimeConfigResponse{}, nil
}
