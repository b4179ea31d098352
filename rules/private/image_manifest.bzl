"""What an image holds, as data."""

load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _image_manifest_impl(ctx):
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name + ".json")
    disk = ctx.attr.disk[ArchiveInfo]
    args = ctx.actions.args()
    args.add("--os=" + ctx.attr.os)
    args.add("--variant=" + ctx.attr.variant)
    args.add(ctx.file.version, format = "--version-file=%s")
    inputs = [ctx.file.version] + disk.checksums
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
    tool_action(
        ctx,
        tool = "manifest",
        arguments = [args],
        inputs = depset(inputs, transitive = [packages, components]),
        outputs = [output],
        mnemonic = "IcosManifest",
        progress_message = "Writing the manifest of %{label}",
    )
    return [DefaultInfo(files = depset([output]))]

image_manifest = rule(
    implementation = _image_manifest_impl,
    doc = "Writes `image.json`: version, variant, archives, partitions, and each entry with its mode, owner, size, digest and package or component (docs/formats/image-manifest.md).",
    attrs = {
        "disk": attr.label(providers = [ArchiveInfo], mandatory = True, doc = "The disk."),
        "upgrade": attr.label(providers = [ArchiveInfo], doc = "The upgrade image, where the OS has one."),
        "os": attr.string(mandatory = True, doc = "Name of the operating system."),
        "variant": attr.string(mandatory = True, doc = "Name of the variant."),
        "version": attr.label(allow_single_file = True, mandatory = True, doc = "The version file."),
        "out": attr.string(doc = "The file's name. Default: the target's name and `.json`."),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
