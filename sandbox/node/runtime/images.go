package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// imageStore is both the registry (a folder of descriptions) and what was pulled from it.
type imageStore struct {
	cri.UnimplementedImageServiceServer
	folder string
	mu     sync.Mutex
	pulled map[string]*image // by the normalised reference it was pulled with
}

// image is a description: a JSON file of any name in the folder of images.
type image struct {
	Reference string            `json:"reference"`
	Command   []string          `json:"command"`
	Env       map[string]string `json:"env"`
	// Digest is what a registry would call the manifest; without it, it comes from the file's content.
	Digest string `json:"digest"`
	// PullError makes the pull fail with this text, as a registry would: unauthorized, toomanyrequests.
	PullError string `json:"pullError"`

	id   string // the file's content
	name reference.Named
}

func (i *image) repoDigest() string { return i.name.Name() + "@" + i.Digest }

func (i *image) describe() *cri.Image {
	out := &cri.Image{Id: i.id, RepoDigests: []string{i.repoDigest()}, Size: 1, Spec: &cri.ImageSpec{Image: i.id}}
	if _, ok := i.name.(reference.Tagged); ok {
		out.RepoTags = []string{i.name.String()}
	}
	return out
}

// tagged is the reference as a person writes it in a manifest, if the image has one.
func (i *image) tagged() string {
	if _, ok := i.name.(reference.Tagged); ok {
		return i.name.String()
	}
	return i.repoDigest()
}

// normalise completes a reference as every registry client does: docker.io/library, :latest. Where there is a digest, the tag
// does not count.
func normalise(text string) (reference.Named, error) {
	name, err := reference.ParseDockerRef(text)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "failed to parse image reference %q: %v", text, err)
	}
	return name, nil
}

// resolve finds the description that a reference means. The folder is read each time: a push is a new file.
func (s *imageStore) resolve(want reference.Named) (*image, error) {
	files, err := filepath.Glob(filepath.Join(s.folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted meanwhile
		}
		found := &image{id: fmt.Sprintf("sha256:%x", sha256.Sum256(text))}
		if err := json.Unmarshal(text, found); err != nil {
			return nil, status.Errorf(codes.Internal, "image description %s: %v", filepath.Base(file), err)
		}
		if found.Digest == "" {
			found.Digest = found.id
		}
		if found.name, err = normalise(found.Reference); err != nil {
			return nil, status.Errorf(codes.Internal, "image description %s: %v", filepath.Base(file), err)
		}
		if found.name.String() == want.String() || found.repoDigest() == want.String() {
			return found, nil
		}
	}
	return nil, nil
}

// PullImage answers with the image's id; its errors are worded like containerd's.
func (s *imageStore) PullImage(_ context.Context, req *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	want, err := normalise(req.Image.GetImage())
	if err != nil {
		return nil, err
	}
	found, err := s.resolve(want)
	if err != nil {
		return nil, err
	}
	fail := func(code codes.Code, text string) error {
		return status.Errorf(code, "failed to pull and unpack image %q: failed to resolve reference %q: %s", want, want, text)
	}
	if found == nil {
		return nil, fail(codes.NotFound, want.String()+": not found")
	}
	if found.PullError != "" {
		return nil, fail(codes.Unknown, found.PullError)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulled[want.String()] = found
	return &cri.PullImageResponse{ImageRef: found.id}, nil
}

// local finds a pulled image by its id, a reference or a digest; nil when there is none.
func (s *imageStore) local(text string) *image {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(text, "sha256:") {
		for _, i := range s.pulled {
			if i.id == text {
				return i
			}
		}
		return nil
	}
	want, err := normalise(text)
	if err != nil {
		return nil
	}
	if i := s.pulled[want.String()]; i != nil {
		return i
	}
	for _, i := range s.pulled {
		if i.repoDigest() == want.String() {
			return i
		}
	}
	return nil
}

// ImageStatus answers without an image when it was not pulled.
func (s *imageStore) ImageStatus(_ context.Context, req *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	if i := s.local(req.Image.GetImage()); i != nil {
		return &cri.ImageStatusResponse{Image: i.describe()}, nil
	}
	return &cri.ImageStatusResponse{}, nil
}

// ListImages lists what was pulled, each image once.
func (s *imageStore) ListImages(context.Context, *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, seen := &cri.ListImagesResponse{}, map[string]bool{}
	for _, i := range s.pulled {
		if !seen[i.id] {
			seen[i.id] = true
			out.Images = append(out.Images, i.describe())
		}
	}
	return out, nil
}

// RemoveImage forgets a pulled image under all its references.
func (s *imageStore) RemoveImage(_ context.Context, req *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	if gone := s.local(req.Image.GetImage()); gone != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for ref, i := range s.pulled {
			if i.id == gone.id {
				delete(s.pulled, ref)
			}
		}
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo says that images take no room: they are descriptions.
func (s *imageStore) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	usage := []*cri.FilesystemUsage{{FsId: &cri.FilesystemIdentifier{Mountpoint: s.folder}, UsedBytes: &cri.UInt64Value{}, InodesUsed: &cri.UInt64Value{}}}
	return &cri.ImageFsInfoResponse{ImageFilesystems: usage, ContainerFilesystems: usage}, nil
}
