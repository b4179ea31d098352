"""The rules in the BUILD file of a repository of unpacked packages."""

load("//rules/private:providers/apt_root_info.bzl", "AptRootInfo")

def _apt_root_files_impl(ctx):
    files = depset(ctx.files.srcs)
    path = "/".join([part for part in [ctx.label.workspace_root, ctx.label.package, ctx.attr.directory] if part])
    return [
        DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files)),
        AptRootInfo(path = path, files = files),
    ]

apt_root_files = rule(
    implementation = _apt_root_files_impl,
    doc = "All files in a directory of unpacked packages.",
    attrs = {
        "srcs": attr.label_list(allow_files = True, mandatory = True, doc = "The files."),
        "directory": attr.string(mandatory = True, doc = "The directory, relative to the package."),
    },
    provides = [AptRootInfo],
)

def _apt_root_command_impl(ctx):
    executable = ctx.actions.declare_file(ctx.attr.directory + "/" + ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.file.wrapper, is_executable = True)
    root = ctx.attr.root[DefaultInfo]
    return [DefaultInfo(
        executable = executable,
        files = depset([executable]),
        runfiles = root.default_runfiles.merge(ctx.runfiles([executable, ctx.file.wrapper])),
    )]

apt_root_command = rule(
    implementation = _apt_root_command_impl,
    doc = "A program of the unpacked packages, which runs in place with their loader and libraries.",
    attrs = {
        "directory": attr.string(
            mandatory = True,
            doc = """The directory of the executable, relative to the package; a sibling of the root
            directory.""",
        ),
        "root": attr.label(providers = [AptRootInfo], mandatory = True, doc = "The unpacked packages."),
        "wrapper": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The script that starts the program.",
        ),
    },
    executable = True,
)
