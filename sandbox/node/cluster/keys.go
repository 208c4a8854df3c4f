package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// user is a name that the API server knows by a token, with what RBAC grants to its name or its groups.
type user struct{ file, name, groups string }

func users(nodes []node) []user {
	out := []user{
		{"admin", "admin", "system:masters"},
		{"kube-controller-manager", "system:kube-controller-manager", ""},
		{"kube-scheduler", "system:kube-scheduler", ""},
		{"kube-proxy", "system:kube-proxy", ""},
	}
	for _, n := range nodes {
		out = append(out, user{n.name, "system:node:" + n.name, "system:nodes"})
	}
	return out
}

// writeKeys makes what the parts trust each other by: an authority, one certificate for all servers, a key for service
// accounts, and a token and a kubeconfig for each user. It returns the admin's token and the authority.
func writeKeys(dir string, nodes []node) (token string, authority []byte, err error) {
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sandbox"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	caKey, authority, err := certify(dir, "ca", ca, ca, nil)
	if err != nil {
		return "", nil, err
	}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("10.96.0.1")}}
	for _, n := range nodes {
		server.DNSNames, server.IPAddresses = append(server.DNSNames, n.name), append(server.IPAddresses, net.ParseIP(n.address))
	}
	if _, _, err := certify(dir, "server", server, ca, caKey); err != nil {
		return "", nil, err
	}
	accounts := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "service-accounts"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
	if _, _, err := certify(dir, "service-accounts", accounts, ca, caKey); err != nil {
		return "", nil, err
	}
	var table strings.Builder
	for i, u := range users(nodes) {
		secret := make([]byte, 24)
		rand.Read(secret)
		t := hex.EncodeToString(secret)
		if u.file == "admin" {
			token = t
		}
		fmt.Fprintf(&table, "%s,%s,%d,%q\n", t, u.name, i+1, u.groups)
		if err := writeKubeconfig(filepath.Join(dir, u.file+".kubeconfig"), t, authority); err != nil {
			return "", nil, err
		}
	}
	return token, authority, os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(table.String()), 0o600)
}

// certify writes NAME.crt and NAME.key; without a parent's key the certificate signs itself.
func certify(dir, name string, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), certPEM, 0o644); err != nil {
		return nil, nil, err
	}
	return key, certPEM, os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func writeKubeconfig(path, token string, authority []byte) error {
	type object = map[string]any
	text, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "sandbox",
		"clusters": []object{{"name": "sandbox", "cluster": object{"server": apiServer, "certificate-authority-data": authority}}},
		"users":    []object{{"name": "sandbox", "user": object{"token": token}}},
		"contexts": []object{{"name": "sandbox", "context": object{"cluster": "sandbox", "user": "sandbox"}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
