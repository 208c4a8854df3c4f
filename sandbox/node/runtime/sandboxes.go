package runtime

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/vishvananda/netlink"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a pod: an address.
type sandbox struct {
	id      string
	ip      netip.Addr
	config  *cri.PodSandboxConfig
	state   cri.PodSandboxState
	created int64
}

// RunPodSandbox gives the pod its address.
func (r *Runtime) RunPodSandbox(_ context.Context, req *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	config := req.Config
	if config.LogDirectory != "" {
		if err := os.MkdirAll(config.LogDirectory, 0o755); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ip, err := r.freeAddress()
	if err != nil {
		return nil, err
	}
	if err := loopbackAddress(ip, netlink.AddrReplace); err != nil {
		return nil, fmt.Errorf("address %s for pod %s: %w", ip, config.Metadata.Name, err)
	}
	s := &sandbox{id: uuid.NewString(), ip: ip, config: config, state: cri.PodSandboxState_SANDBOX_READY, created: time.Now().UnixNano()}
	r.sandboxes[s.id] = s
	return &cri.RunPodSandboxResponse{PodSandboxId: s.id}, nil
}

// freeAddress goes round the node's addresses, so that one just given back is not the next to be given: connections that
// the kernel still tracks would reach the wrong pod.
func (r *Runtime) freeAddress() (netip.Addr, error) {
	used := map[netip.Addr]bool{r.pods.Addr(): true}
	for _, s := range r.sandboxes {
		if s.state == cri.PodSandboxState_SANDBOX_READY {
			used[s.ip] = true
		}
	}
	for ip, full := r.lastIP.Next(), false; ; ip = ip.Next() {
		if !r.pods.Contains(ip) {
			if full {
				return ip, fmt.Errorf("no address left in %s", r.pods)
			}
			ip, full = r.pods.Addr(), true
		}
		if !used[ip] {
			r.lastIP = ip
			return ip, nil
		}
	}
}

func loopbackAddress(ip netip.Addr, change func(netlink.Link, *netlink.Addr) error) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(ip.String() + "/32")
	if err != nil {
		return err
	}
	return change(lo, addr)
}

// StopPodSandbox kills what still runs in the pod and takes its address back. It may be called again, and for no pod.
func (r *Runtime) StopPodSandbox(ctx context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	for _, c := range r.containersOf(req.PodSandboxId) {
		if err := r.stop(ctx, c, 0); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[req.PodSandboxId]; s != nil && s.state == cri.PodSandboxState_SANDBOX_READY {
		s.state = cri.PodSandboxState_SANDBOX_NOTREADY
		if err := loopbackAddress(s.ip, netlink.AddrDel); err != nil {
			return nil, err
		}
	}
	return &cri.StopPodSandboxResponse{}, nil
}

func (r *Runtime) containersOf(sandboxID string) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*container
	for _, c := range r.containers {
		if c.sandbox == sandboxID {
			out = append(out, c)
		}
	}
	return out
}

// RemovePodSandbox stops the pod and forgets it with its containers.
func (r *Runtime) RemovePodSandbox(ctx context.Context, req *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	if _, err := r.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: req.PodSandboxId}); err != nil {
		return nil, err
	}
	containers := r.containersOf(req.PodSandboxId)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range containers {
		delete(r.containers, c.id)
	}
	delete(r.sandboxes, req.PodSandboxId)
	return &cri.RemovePodSandboxResponse{}, nil
}

// PodSandboxStatus tells a pod's address and state.
func (r *Runtime) PodSandboxStatus(_ context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[req.PodSandboxId]
	if s == nil {
		return nil, status.Errorf(codes.NotFound, "no sandbox %s", req.PodSandboxId)
	}
	return &cri.PodSandboxStatusResponse{Timestamp: time.Now().UnixNano(), Status: &cri.PodSandboxStatus{
		Id: s.id, Metadata: s.config.Metadata, State: s.state, CreatedAt: s.created, Labels: s.config.Labels, Annotations: s.config.Annotations,
		Network: &cri.PodSandboxNetworkStatus{Ip: s.ip.String()}, Linux: &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: &cri.NamespaceOption{}}},
	}}, nil
}

// ListPodSandbox lists the pods that the filter lets through.
func (r *Runtime) ListPodSandbox(_ context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, f := &cri.ListPodSandboxResponse{}, req.Filter
	for _, s := range r.sandboxes {
		if (f.GetId() == "" || f.GetId() == s.id) && (f.GetState() == nil || f.GetState().State == s.state) && subset(f.GetLabelSelector(), s.config.Labels) {
			out.Items = append(out.Items, &cri.PodSandbox{Id: s.id, Metadata: s.config.Metadata, State: s.state, CreatedAt: s.created, Labels: s.config.Labels, Annotations: s.config.Annotations})
		}
	}
	return out, nil
}

func subset(want, have map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}
