// Package apiserver names what is built from go.mod, so that `go mod tidy` keeps it.
package apiserver

import _ "k8s.io/kubernetes/cmd/kube-apiserver/app"
