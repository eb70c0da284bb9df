// Argo CD's application controller and repo server for tests, linked into one binary and chosen by
// the first argument; and a git server beside them that serves bare repositories over HTTP.
package main

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	gitaskpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

const usage = "usage: argocd application-controller|repo-server [flags] | git-server ADDRESS FOLDER"

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
func serveGit() {
	if len(os.Args) != 3 {
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
	fail(http.ListenAndServe(address, handler).Error())
}
