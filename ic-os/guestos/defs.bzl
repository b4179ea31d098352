"""GuestOS as data: the arguments that its variants share, and those of each variant."""

load("//ic-os/components:guestos.bzl", "GUESTOS_COMPONENTS", "GUESTOS_DEV_COMPONENTS", "GUESTOS_PROD_COMPONENTS")
load("//rules:defs.bzl", "icos_os", "install")

_IC_PROGRAMS = {
    "//ic-os/guestos:orchestrator": install("/opt/ic/bin/orchestrator", mode = "0755"),
    "//ic-os/guestos:replica": install("/opt/ic/bin/replica", mode = "0755"),
}

_DEV = {
    "base": "//ic-os/guestos:base_dev",
    "components": GUESTOS_DEV_COMPONENTS,
    "console_login": "root:root",
    "initrd": "//ic-os/guestos:initrd_dev",
    "password_logins": "root",
    "ready_text": "login: ",
}

GUESTOS = icos_os(
    name = "guestos",
    boot_args_template = "//ic-os/bootloader:boot/boot_args.template",
    boot_size = "1G",
    # The default replica reports that it is a placeholder.
    console_texts = ["replica is a placeholder"],
    check_paths_in = ["//ic-os/components:all"],
    components = dict(GUESTOS_COMPONENTS, **_IC_PROGRAMS),
    # The published GUID of every ICOS disk.
    disk_guid = "2B110BB7-CDEC-7D41-B97E-893EDCBE5428",
    expanded_size = "50G",
    forward_ports = ["22", "8080", "9100"],
    layout = "//ic-os/guestos:partitions.csv",
    pages = {
        "8080/api/v2/status": "placeholder",
        "9100/metrics": "node_boot_time_seconds",
    },
    partitions = {
        "config": "//ic-os/guestos:config",
        "esp": "//ic-os/bootloader:esp",
        "grub": "//ic-os/bootloader:grub",
    },
    root_size = "3G",
    set_uid_files = [
        "/usr/bin/sudo",
        "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
        "/usr/sbin/unix_chkpwd",
    ],
    variants = {
        "dev": _DEV,
        "dev-erofs": dict(_DEV, root_file_system = "erofs"),
        "prod": {
            "base": "//ic-os/guestos:base_prod",
            "components": GUESTOS_PROD_COMPONENTS,
            "initrd": "//ic-os/guestos:initrd_prod",
            "ready_text": "State: running",
        },
    },
    version = "//ic-os:version",
)
