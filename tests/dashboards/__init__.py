"""The program that writes the Grafana dashboards of ``infra/deploy/grafana``; a development tool, as its library is."""
