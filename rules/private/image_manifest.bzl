"""The manifest of an image: its content as data."""

load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_file")

def _image_manifest_impl(ctx):
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name + ".json")
    disk = ctx.attr.disk[ArchiveInfo]
    args = ctx.actions.args()
    args.add("--os=" + ctx.attr.os_name)
    args.add("--variant=" + ctx.attr.variant)
    args.add(ctx.file.version_file, format = "--version-file=%s")
    inputs = [ctx.file.version_file] + disk.checksums
    packages = []
    components = []
    for name, partition in disk.partitions.items():
        args.add(partition.index, format = "--partition=%s=%%s" % name)
        inputs.append(partition.index)
        if partition.entries:
            args.add(partition.entries, format = "--entries=%s=%%s" % name)
            inputs.append(partition.entries)
        packages.append(partition.packages)
        components.append(partition.components)
    packages = depset(transitive = packages)
    components = depset(transitive = components)
    args.add_all(packages, format_each = "--packages=%s")
    args.add_all(components, format_each = "--components=%s")
    args.add_all(disk.checksums, format_each = "--checksum=%s")
    args.add(output, format = "--output=%s")
    if ctx.attr.upgrade:
        upgrade = ctx.attr.upgrade[ArchiveInfo]
        args.add_all(upgrade.checksums, format_each = "--checksum=%s")
        inputs.extend(upgrade.checksums)
    return tool_file(
        ctx,
        tool = "manifest",
        arguments = [args],
        inputs = depset(inputs, transitive = [packages, components]),
        output = output,
        mnemonic = "IcosManifest",
        progress_message = "Writing the manifest of %{label}",
    )

image_manifest = rule(
    implementation = _image_manifest_impl,
    doc = """Writes `image.json`, which describes the content of an image.

It has the version, the variant, the archives, the partitions, and each entry with its mode, owner,
size, digest and package or component (docs/formats/image-manifest.md).""",
    attrs = {
        "disk": attr.label(providers = [ArchiveInfo], mandatory = True, doc = "The `disk_image`."),
        "upgrade": attr.label(
            providers = [ArchiveInfo],
            doc = "The `upgrade_image`, if the operating system has one.",
        ),
        "os_name": attr.string(mandatory = True, doc = "Name of the operating system."),
        "variant": attr.string(mandatory = True, doc = "Name of the variant."),
        "version_file": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The file with the version.",
        ),
        "out": attr.string(doc = "Name of the output file. Default: the target's name plus `.json`."),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
