"""Tests of disks, upgrades and manifests: their inputs, options and outputs."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:defs.bzl", "disk_image", "ext4_partition", "image_manifest", "upgrade_image")
load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load(":actions.bzl", "assert_short_options", "basenames", "short_options", "the_tool_action")
load(":refusal.bzl", "refusal_tests")

_COMPRESSED = [".tar.gz", ".tar.zst"]

def _assert_archive(env, info, stem):
    asserts.equals(env, [stem + ".tar.zst", stem + ".tar.gz"], [info.zst.basename, info.gz.basename])
    asserts.equals(env, [stem + extension + ".sha256" for extension in _COMPRESSED], basenames(info.checksums))

def _disk_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    action = the_tool_action(env, "IcosDiskImage", "disk-image")
    asserts.equals(env, [
        "--layout=rules/tests/partitions.csv",
        "--identity=//rules/tests:archive_disk",
        "--disk-guid=6788e4cf-f456-104e-9a34-a2c58cfb0ee6",
        "--expanded-size=1G",
    ], short_options(action)[:4])
    asserts.equals(env, [
        "--partition=A_root=archive_root.json",
        "--partition=B_root=archive_root.json",
        "--partition=config=archive_config.json",
    ], sorted(short_options(action)[4:7]))
    asserts.equals(env, ["--zst=disk.tar.zst", "--gz=disk.tar.gz"], short_options(action)[7:])

    info = target[ArchiveInfo]
    _assert_archive(env, info, "disk")
    asserts.equals(
        env,
        {"A_root": "archive_root.json", "B_root": "archive_root.json", "config": "archive_config.json"},
        {name: partition.index.basename for name, partition in info.partitions.items()},
    )
    asserts.equals(env, basenames(action.outputs), basenames(target[DefaultInfo].files))
    return analysistest.end(env)

def _upgrade_impl(ctx):
    env = analysistest.begin(ctx)
    action = the_tool_action(env, "IcosUpgradeImage", "upgrade-image")
    asserts.equals(env, [
        "--boot=archive_config.json",
        "--root=archive_root.json",
        "--version-file=rules/tests/a.txt",
        "--zst=archive_upgrade.tar.zst",
        "--gz=archive_upgrade.tar.gz",
    ], short_options(action))
    info = analysistest.target_under_test(env)[ArchiveInfo]
    _assert_archive(env, info, "archive_upgrade")
    asserts.equals(env, ["boot", "root"], sorted(info.partitions))
    return analysistest.end(env)

def _manifest_impl(ctx):
    env = analysistest.begin(ctx)
    action = the_tool_action(env, "IcosManifest", "manifest")
    assert_short_options(env, action, [
        "--os=guestos",
        "--variant=dev",
        "--partition=A_root=archive_root.json",
        "--entries=A_root=archive_root.entries.json",
        "--checksum=disk.tar.zst.sha256",
        "--checksum=archive_upgrade.tar.gz.sha256",
        "--output=archive_manifest.json",
    ])

    # The action reads only text files about the images, not the images, so it is fast.
    asserts.equals(env, [], [name for name in basenames(action.inputs) if name.endswith((".zst", ".gz"))])
    return analysistest.end(env)

_disk_test = analysistest.make(_disk_impl)
_upgrade_test = analysistest.make(_upgrade_impl)
_manifest_test = analysistest.make(_manifest_impl)

def archive_test_suite(name):
    """Defines the targets and their tests.

    Args:
      name: the name of the test suite.
    """
    for partition in ["archive_root", "archive_config"]:
        ext4_partition(name = partition, file_system_size = "8M", tags = ["manual"])
    disk_image(
        name = "archive_disk",
        disk_guid = "6788e4cf-f456-104e-9a34-a2c58cfb0ee6",
        expanded_size = "1G",
        layout = "partitions.csv",
        # One image in two slots, with two spellings of its label.
        partitions = {"A_root": ":archive_root", "B_root": "//rules/tests:archive_root", "config": "archive_config"},
        stem = "disk",
        tags = ["manual"],
    )
    upgrade_image(
        name = "archive_upgrade",
        boot = ":archive_config",
        root = ":archive_root",
        tags = ["manual"],
        version_file = "a.txt",
    )
    image_manifest(
        name = "archive_manifest",
        disk = ":archive_disk",
        os_name = "guestos",
        tags = ["manual"],
        upgrade = ":archive_upgrade",
        variant = "dev",
        version_file = "a.txt",
    )
    _disk_test(name = "archive_disk_test", target_under_test = ":archive_disk")
    _upgrade_test(name = "archive_upgrade_test", target_under_test = ":archive_upgrade")
    _manifest_test(name = "archive_manifest_test", target_under_test = ":archive_manifest")
    refusal_tests(name + "_refused", disk_image, {
        "two_images": (
            dict(layout = "partitions.csv", partitions = {"root": ":archive_root", "root,boot": ":archive_config"}),
            ["two images for the partition \"root\": //rules/tests:archive_root and //rules/tests:archive_config"],
        ),
        "no_partition": (
            dict(layout = "partitions.csv", partitions = {"root": ":archive_upgrade"}),
            ["'//rules/tests:archive_upgrade' does not have mandatory providers: 'PartitionInfo'"],
        ),
    })
    native.test_suite(name = name, tests = [
        "archive_disk_test",
        "archive_upgrade_test",
        "archive_manifest_test",
        name + "_refused",
    ])
