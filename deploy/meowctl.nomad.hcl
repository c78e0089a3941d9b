# nomad var put nomad/jobs/meowctl redis_url=redis://…    then    nomad job run deploy/meowctl.nomad.hcl

variable "image" {
  type    = string
  default = "meowctl"
}

# Where the servers' clients are: the doors pass requests on to nowhere else.
variable "backends" {
  type    = string
  default = "10.0.0.0/8"
}

job "meowctl" {
  type = "service"

  group "servers" {
    count = 4

    # The new one first: an old one leaves when it is healthy.
    update {
      max_parallel     = 1
      canary           = 1
      auto_promote     = true
      auto_revert      = true
      min_healthy_time = "5s"
    }

    network {
      port "http" {}
    }

    service {
      name     = "meowctl-server"
      provider = "nomad"
      port     = "http"

      check {
        type     = "http"
        path     = "/healthz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "server" {
      driver = "docker"

      config {
        image        = var.image
        network_mode = "host"
        # 20 s for requests, so that all of it fits into the 30 s that a client grants (max_kill_timeout).
        args = [
          "serve", "--host", "${NOMAD_IP_http}", "--port", "${NOMAD_PORT_http}",
          "--drain-timeout", "20",
        ]
      }

      # SIGTERM is the drain: doors 3 s, requests 20 s, the app 5 s.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      env {
        # Of this allocation alone: a state folder is a host.
        MEOW_HOME      = "${NOMAD_ALLOC_DIR}/data/meowctl"
        MEOW_ADVERTISE = "${NOMAD_IP_http}"
      }

      template {
        destination = "${NOMAD_SECRETS_DIR}/redis.env"
        env         = true
        data        = "REDIS_URL={{ with nomadVar \"nomad/jobs/meowctl\" }}{{ .redis_url }}{{ end }}"
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }

  group "doors" {
    count = 2

    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    update {
      max_parallel     = 1
      min_healthy_time = "5s"
    }

    network {
      port "http" {
        static = 3000
      }
      port "admin" {
        static = 3900
      }
    }

    service {
      name     = "meowctl"
      provider = "nomad"
      port     = "http"

      check {
        type     = "http"
        port     = "admin"
        path     = "/readyz"
        interval = "2s"
        timeout  = "2s"
      }
    }

    task "door" {
      driver = "docker"

      config {
        image        = var.image
        network_mode = "host"
        args = [
          "proxy", "--host", "0.0.0.0", "--admin-host", "${NOMAD_IP_admin}", "--wait-redis",
          "--drain-timeout", "20", "--allow-backends", var.backends,
        ]
      }

      # It is out of the catalogue for 5 s before it is told to end.
      shutdown_delay = "5s"
      kill_signal    = "SIGTERM"
      kill_timeout   = "30s"

      env {
        MEOW_HOME = "${NOMAD_ALLOC_DIR}/data/meowctl"
      }

      template {
        destination = "${NOMAD_SECRETS_DIR}/redis.env"
        env         = true
        data        = "REDIS_URL={{ with nomadVar \"nomad/jobs/meowctl\" }}{{ .redis_url }}{{ end }}"
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
