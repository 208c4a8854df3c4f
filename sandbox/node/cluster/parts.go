package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	apiAddress = "10.88.0.1"
	apiServer  = "https://" + apiAddress + ":6443"
	etcdURL    = "http://127.0.0.1:2379"
	podRange   = "10.244.0.0/16"
)

// DefaultProxyPeriod makes kube-proxy show a switch within 0.4 s; its own default is a second.
const DefaultProxyPeriod = 100 * time.Millisecond

type node struct{ name, address, pods string }

func nodes(count int) []node {
	return []node{{"node-1", apiAddress, "10.244.0.0/18"}, {"node-2", "10.88.0.2", "10.244.64.0/18"}}[:count]
}

// KubernetesParts starts a whole cluster and returns when pods can be made and their Services be reached.
func KubernetesParts(ctx context.Context, o Options, s *Supervisor) error {
	all := nodes(o.Nodes)
	for _, n := range all {
		if err := addAddress(n.address); err != nil {
			return err
		}
	}
	token, authority, err := writeKeys(o.Dir, all)
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(o.Dir, name) }
	cert, key, kubeconfig := in("server.crt"), in("server.key"), func(name string) string { return "--kubeconfig=" + in(name+".kubeconfig") }
	tlsFiles := []string{"--tls-cert-file=" + cert, "--tls-private-key-file=" + key}
	api := newAPI(token, authority)

	steps := []func() error{
		func() error {
			return s.Start(Part{Name: "etcd", Args: []string{"--data-dir", in("etcd"), "--unsafe-no-fsync", "--log-level=warn", "--listen-client-urls", etcdURL, "--advertise-client-urls", etcdURL,
				"--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380", "--initial-cluster", "default=http://127.0.0.1:2380"}})
		},
		func() error {
			return s.Start(Part{Name: "kube-apiserver", Args: append(tlsFiles, "--etcd-servers="+etcdURL, "--cert-dir="+in("apiserver"), "--secure-port=6443", "--bind-address="+apiAddress,
				"--advertise-address="+apiAddress, "--service-cluster-ip-range=10.96.0.0/16", "--token-auth-file="+in("tokens.csv"), "--client-ca-file="+in("ca.crt"),
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged", "--kubelet-preferred-address-types=InternalIP",
				"--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file="+in("service-accounts.key"), "--service-account-key-file="+in("service-accounts.key"))})
		},
		func() error { return api.until(ctx, "/readyz", func([]byte) bool { return true }) },
		func() error { s.Tell("progress", "message", "API server ready"); return nil },
		func() error {
			// With credentials for each controller and the usual rates, the default service account would come 5 s later.
			return s.Start(Part{Name: "kube-controller-manager", Args: append(tlsFiles, kubeconfig("kube-controller-manager"), "--service-account-private-key-file="+in("service-accounts.key"),
				"--root-ca-file="+in("ca.crt"), "--use-service-account-credentials", "--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000", "--bind-address=127.0.0.1",
				"--flex-volume-plugin-dir="+in("flex"))})
		},
	}
	for _, n := range all {
		root, socket := in(n.name), in(n.name+".sock")
		steps = append(steps,
			func() error {
				return s.Start(Part{Name: "runtime-" + n.name, Command: "runtime", OwnPIDs: true, Args: []string{"--socket=" + socket, "--images=" + o.Images, "--streams=" + n.address + ":10251", "--pods=" + n.pods}})
			},
			func() error { return until(ctx, func() bool { _, err := os.Stat(socket); return err == nil }) },
			func() error {
				return s.Start(Part{Name: "kubelet-" + n.name, Command: "kubelet", Args: []string{kubeconfig(n.name), "--root=" + root, "--node=" + n.name, "--address=" + n.address, "--runtime=" + socket,
					"--cert=" + cert, "--key=" + key}})
			})
	}
	steps = append(steps,
		func() error {
			return s.Start(Part{Name: "kube-scheduler", Args: append(tlsFiles, kubeconfig("kube-scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1")})
		},
		func() error {
			// One for all nodes: they share the network namespace. The conntrack flags keep it from writing the machine's own settings.
			return s.Start(Part{Name: "kube-proxy", Args: []string{kubeconfig("kube-proxy"), "--hostname-override=" + all[0].name, "--proxy-mode=iptables", "--iptables-min-sync-period=" + o.ProxyPeriod.String(),
				"--nodeport-addresses=primary", "--cluster-cidr=" + podRange, "--bind-address=" + apiAddress, "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
				"--conntrack-tcp-timeout-close-wait=0", "--oom-score-adj=0"}})
		},
		func() error {
			return api.until(ctx, "/api/v1/namespaces/default/serviceaccounts/default", func([]byte) bool { return true })
		},
	)
	for _, n := range all {
		steps = append(steps, func() error { return api.until(ctx, "/api/v1/nodes/"+n.name, nodeReady) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func nodeReady(body []byte) bool {
	var n struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if json.Unmarshal(body, &n) != nil {
		return false
	}
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// until asks every 25 ms; the only deadline is ctx's.
func until(ctx context.Context, yes func() bool) error {
	for !yes() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(25 * time.Millisecond):
		}
	}
	return nil
}

// api asks the API server as admin.
type api struct {
	token  string
	client http.Client
}

func newAPI(token string, authority []byte) *api {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &api{token, http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}}
}

func (a *api) until(ctx context.Context, path string, good func([]byte) bool) error {
	last := "no answer"
	err := until(ctx, func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, apiServer+path, nil)
		if err != nil {
			return false
		}
		req.Header.Set("Authorization", "Bearer "+a.token)
		res, err := a.client.Do(req)
		if err != nil {
			last = err.Error()
			return false
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		last = fmt.Sprintf("%s %.200s", res.Status, body)
		return res.StatusCode == http.StatusOK && good(body)
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w (last answer: %s)", path, err, last)
	}
	return nil
}
