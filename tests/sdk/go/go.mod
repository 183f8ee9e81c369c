module sdk-quickstart

go 1.22

require github.com/team-telnyx/telnyx-go/v4 v4.97.0
