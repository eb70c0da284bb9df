// Argo CD's application controller and repo server for tests, linked into one binary and chosen by
// the first argument; and a git server beside them that serves bare repositories over HTTP, or over
// HTTPS to those who have an account.
package main

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	gitaskpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

const usage = "usage: argocd application-controller|repo-server [flags] | git-server ADDRESS FOLDER [CERTIFICATE KEY]"

func main() {
	// The repo server asks for git's credentials by running `argocd` from the PATH under this name.
	if os.Getenv("ARGOCD_BINARY_NAME") == "argocd-git-ask-pass" {
		run(gitaskpass.NewCommand())
		return
	}
	if len(os.Args) < 2 {
		fail(usage)
	}
	role := os.Args[1]
	os.Args = append([]string{role}, os.Args[2:]...)
	switch role {
	case "application-controller":
		run(controller.NewCommand())
	case "repo-server":
		run(reposerver.NewCommand())
	case "git-server":
		serveGit()
	default:
		fail(usage)
	}
}

func run(command *cobra.Command) {
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

func fail(sentence string) {
	fmt.Fprintln(os.Stderr, sentence)
	os.Exit(2)
}

// serveGit serves every bare repository below a folder, for reading, as git's own CGI program does.
// With a certificate it serves HTTPS, and each repository only to its accounts.
func serveGit() {
	if len(os.Args) != 3 && len(os.Args) != 5 {
		fail(usage)
	}
	address, folder := os.Args[1], os.Args[2]
	git, err := exec.LookPath("git")
	if err != nil {
		fail(err.Error())
	}
	handler := &cgi.Handler{
		Path: git,
		Args: []string{"http-backend"},
		Env:  []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1"},
	}
	if len(os.Args) == 3 {
		fail(http.ListenAndServe(address, handler).Error())
	}
	private := &accounts{folder: folder, next: handler}
	fail(http.ListenAndServeTLS(address, os.Args[3], os.Args[4], private).Error())
}

// accounts lets a request for a repository through if it has a user and a password of the repository's
// file `accounts`, which has a line `user:password` for each.
type accounts struct {
	folder string
	next   http.Handler
}

func (a *accounts) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	repository, _, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	user, password, _ := request.BasicAuth()
	// Base: no path leads out of the folder.
	text, err := os.ReadFile(filepath.Join(a.folder, filepath.Base(repository), "accounts"))
	if err != nil || !slices.Contains(strings.Split(string(text), "\n"), user+":"+password) {
		answer.Header().Set("WWW-Authenticate", `Basic realm="testbed"`)
		http.Error(answer, "authentication required", http.StatusUnauthorized)
		return
	}
	a.next.ServeHTTP(answer, request)
}
