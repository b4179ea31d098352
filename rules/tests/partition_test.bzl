"""Tests of packed partitions: their outputs, options and providers."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load(
    "//rules:defs.bzl",
    "erofs_partition",
    "ext4_partition",
    "install",
    "logical_volume",
    "lvm_partition",
    "raw_partition",
    "rootfs",
    "vfat_partition",
)
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load(":actions.bzl", "basenames", "short_options", "the_tool_action")

_EXT4 = struct(rule = ext4_partition, tool = "ext4-image", mnemonic = "IcosExt4Image")
_EROFS = struct(rule = erofs_partition, tool = "erofs-image", mnemonic = "IcosErofsImage")
_LVM = struct(rule = lvm_partition, tool = "lvm-image", mnemonic = "IcosLvmImage")
_RAW = struct(rule = raw_partition, tool = "raw-image", mnemonic = "IcosRawImage")
_VFAT = struct(rule = vfat_partition, tool = "vfat-image", mnemonic = "IcosVfatImage")

# The outputs: the option of each, and its file name without the target's name.
_OUTPUTS = {
    "zst": ".img.zst",
    "gz": ".img.gz",
    "index": ".json",
    "entries": ".entries.json",
    "root-hash": ".root_hash",
}
_FILE_SYSTEM = ["zst", "gz", "index", "entries"]
_VERITY = _FILE_SYSTEM + ["root-hash"]
_NO_FILE_SYSTEM = ["zst", "gz", "index"]

_LAYER = "--layer=partition_tree.layer.tar.zst"

# Each target: its kind and attributes, and the expected outputs and options. `--identity`, the
# levels and the outputs are the same in all targets.
_PARTITIONS = {
    "partition_root": struct(
        kind = _EXT4,
        attributes = dict(
            src = ":partition_tree",
            exclude = ["/boot/*"],
            file_system_size = "64M",
            label = "root",
            verity = True,
        ),
        outputs = _VERITY,
        options = [_LAYER, "--exclude=/boot/*", "--size=64M", "--label=root", "--identity", "--verity"],
    ),
    "partition_data": struct(
        kind = _EXT4,
        attributes = dict(file_system_size = "8M", journal = True, uuid = "6788e4cf-f456-104e-9a34-a2c58cfb0ee6"),
        outputs = _FILE_SYSTEM,
        options = ["--size=8M", "--label=", "--identity", "--uuid=6788e4cf-f456-104e-9a34-a2c58cfb0ee6", "--journal"],
    ),
    "partition_grow": struct(
        kind = _EXT4,
        attributes = dict(src = ":partition_tree", free_inodes = 1000, free_size = "64M", reserved_percent = 5),
        outputs = _FILE_SYSTEM,
        options = [_LAYER, "--label=", "--identity", "--free=64M", "--free-inodes=1000", "--reserved-percent=5"],
    ),
    "partition_labelled": struct(
        kind = _EXT4,
        attributes = dict(
            src = ":partition_tree",
            file_contexts = ":partition_file_contexts",
            file_system_size = "64M",
            mount_point = "/slot/boot",
            subtree = "/boot",
        ),
        outputs = _FILE_SYSTEM,
        options = [
            _LAYER,
            "--subtree=/boot",
            "--size=64M",
            "--label=",
            "--identity",
            "--file-contexts=rules/tests/file_contexts",
            "--file-contexts=rules/tests/file_contexts.subs_dist",
            "--mount-point=/slot/boot",
        ],
    ),
    "partition_erofs": struct(
        kind = _EROFS,
        attributes = dict(
            src = ":partition_tree",
            cluster_size = "128K",
            compression = "zstd,19",
            exclude = ["/boot/*"],
            file_system_size = "64M",
            label = "root",
            verity = True,
        ),
        outputs = _VERITY,
        options = [
            _LAYER,
            "--exclude=/boot/*",
            "--size=64M",
            "--label=root",
            "--identity",
            "--verity",
            "--compression=zstd,19",
            "--cluster-size=128K",
        ],
    ),
    "partition_esp": struct(
        kind = _VFAT,
        attributes = dict(
            src = ":partition_tree",
            fat_type = "fat16",
            file_system_size = "8M",
            label = "ESP",
            subtree = "/boot",
            volume_id = "0123abcd",
        ),
        outputs = _FILE_SYSTEM,
        options = [
            _LAYER,
            "--subtree=/boot",
            "--size=8M",
            "--label=ESP",
            "--identity",
            "--type=fat16",
            "--volume-id=0123abcd",
        ],
    ),
    "partition_raw": struct(
        kind = _RAW,
        attributes = dict(src = "a.txt"),
        outputs = _NO_FILE_SYSTEM,
        options = ["--image=rules/tests/a.txt"],
    ),
    "partition_lvm": struct(
        kind = _LVM,
        attributes = dict(
            logical_volumes = {
                "A_root": logical_volume("64M", content = ":partition_tree_root"),
                "A_data": logical_volume("8M", uuid = "eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv"),
                "B_root": logical_volume("64M", content = ":partition_tree_root"),
            },
            metadata_copies = 2,
            partition_size = "200M",
            vg_name = "hostlvm",
            vg_tags = ["host"],
            vg_uuid = "4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA",
        ),
        outputs = _NO_FILE_SYSTEM,
        options = [
            "--vg-name=hostlvm",
            "--identity",
            "--size=200M",
            "--extent-size=4M",
            "--data-start=4M",
            "--metadata-copies=2",
            "--vg-uuid=4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA",
            "--tag=host",
            "--volume=A_root=64M",
            "--volume=A_data=8M",
            "--volume=B_root=64M",
            "--volume-uuid=A_data=eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv",
            "--content=A_root=partition_tree_root.json",
            "--content=B_root=partition_tree_root.json",
        ],
    ),
}

def _expected_options(name, expected):
    identity = "--identity=//rules/tests:" + name
    options = [identity if option == "--identity" else option for option in expected.options]
    outputs = ["--%s=%s" % (output, name + _OUTPUTS[output]) for output in expected.outputs]
    return options + ["--zstd-level=3", "--gzip-level=6"] + outputs

def _partition_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    expected = _PARTITIONS[name]

    action = the_tool_action(env, expected.kind.mnemonic, expected.kind.tool)
    asserts.equals(env, _expected_options(name, expected), short_options(action))
    asserts.equals(env, sorted([name + _OUTPUTS[output] for output in expected.outputs]), basenames(action.outputs))

    info = target[PartitionInfo]
    files = [info.zst, info.gz, info.index, info.entries, info.root_hash]
    asserts.equals(
        env,
        [name + extension if output in expected.outputs else None for output, extension in _OUTPUTS.items()],
        [file.basename if file else None for file in files],
    )
    has_components = bool([option for option in expected.options if "=partition_tree" in option])
    asserts.equals(env, ["partition_tree.components.json"] if has_components else [], basenames(info.components))

    # The default outputs are the partition and its index; the others are built on request.
    asserts.equals(env, sorted([name + ".img.zst", name + ".json"]), basenames(target[DefaultInfo].files))
    asserts.equals(env, [name + ".img.gz"], basenames(target[OutputGroupInfo].gz))
    return analysistest.end(env)

_partition_test = analysistest.make(_partition_impl)

def partition_test_suite(name):
    """Defines the targets and their tests.

    Args:
      name: the name of the test suite.
    """
    rootfs(name = "partition_tree", files = {"a.txt": install("/boot/a.txt")}, tags = ["manual"])
    ext4_partition(name = "partition_tree_root", src = ":partition_tree", file_system_size = "64M", tags = ["manual"])
    native.filegroup(
        name = "partition_file_contexts",
        srcs = ["file_contexts", "file_contexts.subs_dist"],
        tags = ["manual"],
    )
    for target, expected in _PARTITIONS.items():
        expected.kind.rule(name = target, tags = ["manual"], **expected.attributes)
        _partition_test(name = target + "_test", target_under_test = target)
    native.test_suite(name = name, tests = [target + "_test" for target in _PARTITIONS])
