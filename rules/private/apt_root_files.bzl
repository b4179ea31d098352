"""The rules that the repositories of unpacked packages are made of."""

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
    doc = "Everything in a directory of unpacked packages.",
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
    doc = "A program of unpacked packages, run in place with its own loader and libraries.",
    attrs = {
        "directory": attr.string(mandatory = True, doc = "Where the executable goes, relative to the package; the root directory is its sibling."),
        "root": attr.label(providers = [AptRootInfo], mandatory = True, doc = "The unpacked packages."),
        "wrapper": attr.label(allow_single_file = True, mandatory = True, doc = "The script that starts the program."),
    },
    executable = True,
)
