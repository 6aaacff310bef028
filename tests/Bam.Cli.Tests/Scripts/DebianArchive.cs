using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

/// <summary>A stand-in for apt that hands out packages of a few lines, for the scripts that make corpora of Debian's.</summary>
internal sealed class DebianArchive : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    /// <summary>Packages nothing yet.</summary>
    public DebianArchive()
    {
        Tool(
            "apt-cache",
            "for package; do ls \"$ROOT/debs/${package}\"_*.deb > /dev/null 2>&1 && echo \"Package: $package\"; done; true");
        Tool(
            "apt-get",
            "for word; do for deb in \"$ROOT/debs/${word}\"_*.deb; do [ -f \"$deb\" ] && cp \"$deb\" . && echo \"$word\" >> "
            + "\"$ROOT/calls\"; done; done; true");
        Tool("npm", "exit 1");
    }

    /// <summary>Where the script writes.</summary>
    public string Output => Path.Combine(root, "out");

    /// <summary>The packages that were downloaded, in order.</summary>
    public string[] Downloaded => File.ReadAllLines(Path.Combine(root, "calls"));

    /// <summary>Makes a package, of version 1; skips the test where Debian's tools are missing.</summary>
    public void Pack(string package, params (string Path, byte[] Bytes)[] files)
    {
        Skip.IfNot(File.Exists("/usr/bin/dpkg-deb") && File.Exists("/usr/bin/perl"), "needs dpkg-deb and perl");
        var folder = Path.Combine(root, "packages", package);
        var control = $"Package: {package}\nVersion: 1\nArchitecture: all\n"
            + "Maintainer: nobody <n@example.org>\nDescription: test\n";
        foreach (var (path, bytes) in files.Append(("DEBIAN/control", Utf8(control))))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllBytes(Path.Combine(folder, path), bytes);
        }

        Directory.CreateDirectory(Path.Combine(root, "debs"));
        var deb = Path.Combine(root, "debs", $"{package}_1_all.deb");
        Run("dpkg-deb", "-Znone", "--root-owner-group", "-b", folder, deb).Status.ShouldBe(0);
    }

    /// <summary>Takes a package out again.</summary>
    public void Remove(string package) => File.Delete(Path.Combine(root, "debs", $"{package}_1_all.deb"));

    /// <summary>Puts a program in front of the system's.</summary>
    public void Tool(string name, string body)
    {
        var path = Path.Combine(root, "tools", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/bash\n{body}\n");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("755", 8));
    }

    /// <summary>Runs a script that makes corpora.</summary>
    public (int Status, string Error) Prepare(string script) => Run("bash", script, Output);

    /// <summary>The documents that came out under that name.</summary>
    public List<(string Source, string Text)> Read(string name) =>
    [
        .. File.ReadLines(Path.Combine(Output, $"{name}.jsonl")).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return (json.RootElement.GetProperty("source").GetString()!, json.RootElement.GetProperty("text").GetString()!);
        }),
    ];

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(root, recursive: true);

    /// <summary>The text's bytes.</summary>
    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The text's bytes, compressed.</summary>
    public static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(Utf8(text));
        return compressed.ToArray();
    }

    private (int Status, string Error) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{Path.Combine(root, "tools")}:/usr/bin:/bin";
        start.Environment["ROOT"] = root;
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }
}
