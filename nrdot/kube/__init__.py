"""The Kubernetes operator: profiles as custom resources, rolled out by proof and taken back by themselves."""
