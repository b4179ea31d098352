"""Packed partitions: outputs, arguments and providers."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:defs.bzl", "erofs_partition", "ext4_partition", "install", "logical_volume", "lvm_partition", "raw_partition", "rootfs", "vfat_partition")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load(":actions.bzl", "assert_tool_action", "basenames", "short_options", "the_action")

def _outputs(name, *extensions):
    return ["--%s=%s" % (option, name + extension) for option, extension in zip(["zst", "gz", "index", "entries", "root-hash"], extensions)]

def _expected(name, size, label):
    return (["--size=" + size] if size else []) + ["--label=" + label, "--identity=//rules/tests:" + name, "--zstd-level=3", "--gzip-level=6"]

_ALL = [".img.zst", ".img.gz", ".json", ".entries.json", ".root_hash"]

# What each target gives: the tool, its mnemonic, its options, and the extensions of its outputs.
_PARTITIONS = {
    "partition_root": struct(
        tool = "ext4-image",
        mnemonic = "IcosExt4Image",
        extensions = _ALL,
        options = ["--layer=partition_tree.layer.tar.zst", "--exclude=/boot/*"] + _expected("partition_root", "64M", "root") +
                  _outputs("partition_root", *_ALL) + ["--verity"],
    ),
    "partition_data": struct(
        tool = "ext4-image",
        mnemonic = "IcosExt4Image",
        extensions = _ALL[:4],
        options = _expected("partition_data", "8M", "") + _outputs("partition_data", *_ALL[:4]) +
                  ["--uuid=6788e4cf-f456-104e-9a34-a2c58cfb0ee6", "--journal"],
    ),
    "partition_grow": struct(
        tool = "ext4-image",
        mnemonic = "IcosExt4Image",
        extensions = _ALL[:4],
        options = ["--layer=partition_tree.layer.tar.zst"] + _expected("partition_grow", None, "") +
                  _outputs("partition_grow", *_ALL[:4]) + ["--free=64M", "--free-inodes=1000", "--reserved-percent=5"],
    ),
    "partition_labelled": struct(
        tool = "ext4-image",
        mnemonic = "IcosExt4Image",
        extensions = _ALL[:4],
        options = ["--layer=partition_tree.layer.tar.zst", "--subtree=/boot"] + _expected("partition_labelled", "64M", "") +
                  _outputs("partition_labelled", *_ALL[:4]) + ["--file-contexts=rules/tests/file_contexts", "--file-contexts=rules/tests/file_contexts.subs_dist", "--mount-point=/slot/boot"],
    ),
    "partition_erofs": struct(
        tool = "erofs-image",
        mnemonic = "IcosErofsImage",
        extensions = _ALL,
        options = ["--layer=partition_tree.layer.tar.zst", "--exclude=/boot/*"] + _expected("partition_erofs", "64M", "root") +
                  _outputs("partition_erofs", *_ALL) + ["--compression=zstd,19", "--cluster-size=128K", "--verity"],
    ),
    "partition_esp": struct(
        tool = "vfat-image",
        mnemonic = "IcosVfatImage",
        extensions = _ALL[:4],
        options = ["--layer=partition_tree.layer.tar.zst", "--subtree=/boot"] + _expected("partition_esp", "8M", "ESP") +
                  _outputs("partition_esp", *_ALL[:4]) + ["--type=fat16", "--volume-id=0123abcd"],
    ),
    "partition_raw": struct(
        tool = "raw-image",
        mnemonic = "IcosRawImage",
        extensions = _ALL[:3],
        options = ["--image=rules/tests/a.txt", "--zstd-level=3", "--gzip-level=6"] + _outputs("partition_raw", *_ALL[:3]),
    ),
    "partition_lvm": struct(
        tool = "lvm-image",
        mnemonic = "IcosLvmImage",
        extensions = _ALL[:3],
        options = [
                      "--vg-name=hostlvm",
                      "--identity=//rules/tests:partition_lvm",
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
                      "--zstd-level=3",
                      "--gzip-level=6",
                  ] +
                  _outputs("partition_lvm", *_ALL[:3]),
    ),
}

def _partition_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    expected = _PARTITIONS[name]

    action = the_action(env, expected.mnemonic)
    assert_tool_action(env, action, expected.tool)
    asserts.equals(env, expected.options, short_options(action))
    asserts.equals(env, sorted([name + extension for extension in expected.extensions]), basenames(action.outputs))

    info = target[PartitionInfo]
    files = [info.zst, info.gz, info.index, info.entries, info.root_hash]
    asserts.equals(
        env,
        [name + extension if extension in expected.extensions else None for extension in _ALL],
        [file.basename if file else None for file in files],
    )
    asserts.equals(env, ["partition_tree.components.json"] if [o for o in expected.options if "=partition_tree" in o] else [], basenames(info.components))

    # What people build is the partition; the rest is there when somebody asks.
    asserts.equals(env, sorted([name + ".img.zst", name + ".json"]), basenames(target[DefaultInfo].files))
    asserts.equals(env, [name + ".img.gz"], basenames(target[OutputGroupInfo].gz))
    return analysistest.end(env)

_partition_test = analysistest.make(_partition_impl)

def partition_test_suite(name):
    """Makes the targets and their tests.

    Args:
      name: the name of the test suite.
    """
    rootfs(name = "partition_tree", files = {"a.txt": install("/boot/a.txt")}, tags = ["manual"])
    ext4_partition(
        name = "partition_root",
        src = ":partition_tree",
        exclude = ["/boot/*"],
        file_system_size = "64M",
        label = "root",
        tags = ["manual"],
        verity = True,
    )
    ext4_partition(
        name = "partition_data",
        file_system_size = "8M",
        journal = True,
        tags = ["manual"],
        uuid = "6788e4cf-f456-104e-9a34-a2c58cfb0ee6",
    )
    ext4_partition(
        name = "partition_grow",
        src = ":partition_tree",
        free_inodes = 1000,
        free_size = "64M",
        reserved_percent = 5,
        tags = ["manual"],
    )
    native.filegroup(
        name = "partition_file_contexts",
        srcs = ["file_contexts", "file_contexts.subs_dist"],
        tags = ["manual"],
    )
    ext4_partition(
        name = "partition_labelled",
        src = ":partition_tree",
        file_contexts = ":partition_file_contexts",
        file_system_size = "64M",
        mount_point = "/slot/boot",
        subtree = "/boot",
        tags = ["manual"],
    )
    erofs_partition(
        name = "partition_erofs",
        src = ":partition_tree",
        cluster_size = "128K",
        compression = "zstd,19",
        exclude = ["/boot/*"],
        file_system_size = "64M",
        label = "root",
        tags = ["manual"],
        verity = True,
    )
    vfat_partition(
        name = "partition_esp",
        src = ":partition_tree",
        file_system_size = "8M",
        label = "ESP",
        subtree = "/boot",
        tags = ["manual"],
        type = "fat16",
        volume_id = "0123abcd",
    )
    raw_partition(name = "partition_raw", src = "a.txt", tags = ["manual"])
    ext4_partition(name = "partition_tree_root", src = ":partition_tree", file_system_size = "64M", tags = ["manual"])
    lvm_partition(
        name = "partition_lvm",
        logical_volumes = {
            "A_root": logical_volume("64M", content = ":partition_tree_root"),
            "A_data": logical_volume("8M", uuid = "eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv"),
            "B_root": logical_volume("64M", content = ":partition_tree_root"),
        },
        metadata_copies = 2,
        partition_size = "200M",
        tags = ["manual"],
        vg_name = "hostlvm",
        vg_tags = ["host"],
        vg_uuid = "4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA",
    )
    for target in _PARTITIONS:
        _partition_test(name = target + "_test", target_under_test = target)
    native.test_suite(name = name, tests = [target + "_test" for target in _PARTITIONS])
