"""The component files of GuestOS: dicts of label to path, mode and owner in the image."""

load("//rules:defs.bzl", "install")

def _script(name):
    return install("/opt/ic/bin/" + name, mode = "0755")

def _unit(name):
    return install("/etc/systemd/system/" + name)

# Files in all variants.
GUESTOS_COMPONENTS = {
    # From the kernel to /var, and the reaction to a failure
    "//ic-os/components:boot/mount-generator.sh": install("/etc/systemd/system-generators/mount-generator", mode = "0755"),
    "//ic-os/components:boot/setup-var.sh": _script("setup-var.sh"),
    "//ic-os/components:boot/setup-var.service": _unit("setup-var.service"),
    "//ic-os/components:boot/boot-failed.sh": _script("boot-failed.sh"),
    "//ic-os/components:boot/emergency.service": _unit("emergency.service"),
    "//ic-os/components:boot/rescue.service": _unit("rescue.service"),
    "//ic-os/components:boot/system.conf": install("/etc/systemd/system.conf.d/icos.conf"),
    "//ic-os/components:boot/journald.conf": install("/etc/systemd/journald.conf.d/icos.conf"),

    # Identity of the machine
    "//ic-os/components:identity/save-machine-id.sh": _script("save-machine-id.sh"),
    "//ic-os/components:identity/save-machine-id.service": _unit("save-machine-id.service"),
    "//ic-os/components:identity/setup-hostname.sh": _script("setup-hostname.sh"),
    "//ic-os/components:identity/setup-hostname.service": _unit("setup-hostname.service"),

    # Access
    "//ic-os/components:ssh/generate-ssh-host-keys.sh": _script("generate-ssh-host-keys.sh"),
    "//ic-os/components:ssh/generate-ssh-host-keys.service": _unit("generate-ssh-host-keys.service"),
    "//ic-os/components:ssh/ssh.service.conf": _unit("ssh.service.d/icos.conf"),
    "//ic-os/components:ssh/sshd_config": install("/etc/ssh/sshd_config"),

    # Network
    "//ic-os/components:network/80-dhcp.network": install("/etc/systemd/network/80-dhcp.network"),
    "//ic-os/components:network/generate-network-config.sh": _script("generate-network-config.sh"),
    "//ic-os/components:network/generate-network-config.service": _unit("generate-network-config.service"),
    "//ic-os/components:network/nftables.conf": install("/etc/nftables.conf"),

    # Metrics
    "//ic-os/components:monitoring/node-exporter.conf": _unit("prometheus-node-exporter.service.d/icos.conf"),

    # Console
    "//ic-os/components:console/banner.sh": _script("banner.sh"),
    "//ic-os/components:console/banner.service": _unit("banner.service"),
    "//ic-os/components:console/console-status.sh": _script("console-status.sh"),
    "//ic-os/components:console/console-status.service": _unit("console-status.service"),

    # The Internet Computer
    "//ic-os/components:ic/ic-replica.service": _unit("ic-replica.service"),
    "//ic-os/components:ic/guestos-services.conf": _unit("multi-user.target.d/guestos.conf"),
}

# Files in variants for developers, who can log in.
GUESTOS_DEV_COMPONENTS = {
    "//ic-os/components:ssh/sshd-dev.conf": install("/etc/ssh/sshd_config.d/dev.conf"),
}

# Files in production variants: nobody can log in, and the console shows the machine's state
# instead.
GUESTOS_PROD_COMPONENTS = {
    "//ic-os/components:console/console-status.target.conf": _unit("multi-user.target.d/console-status.conf"),
}
