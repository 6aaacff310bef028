using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

/// <summary>The recipe's script with a stand-in for apt that hands out packages of a few lines.</summary>
public sealed class DebianDomainsTests : IDisposable
{
    private const string Dictionary =
        """
        00-database-info
           The Collaborative International Dictionary.

        Estoppel \Es*top"pel\, n. [Prob. fr. OF. estoupail.
           See {Estop}.]
           (Law)
           (a) A stop; an obstruction or bar to one's alleging or
               denying a fact contrary to his own previous action.
               [1913 Webster]

        Feel \Feel\, n.
           1. Feeling; perception. [R.]
              [1913 Webster]

                    To intercept and have a more kindly feel of its
                    genial warmth.                        --Hazlitt.
              [1913 Webster] Feeler

        Feeler \Feel"er\ (f[=e]l"[~e]r), n.
           One who, or that which, feels.
           [1913 Webster]

        """;

    private const string SetMm =
        """
        $( set.mm - Version of 28-Dec-2020 $)
        $(
        #*#*#*#*#*#*#*#
            Metamath source file
        #*#*#*#*#*#*#*#
        A history of names, not of interest.
        $)
        $(
        ###############################################################################
                    LOGIC
        ###############################################################################
        $)
        $(
        #*#*#*#*#*#*#*#
                    Calculus
        #*#*#*#*#*#*#*#

          Words about
          the calculus, FILL
        $)
          $c wff $.
          ${
            mp.1 $e |- ph $.
            mp.2 $e |- ( ph
              -> ps ) $.
            $( Rule of ` ( F `` A ) ` detachment, see ~ ax-mp .  (Contributed by NM, 5-Aug-1993.)  (Proof
               shortened by Wolf Lammen (not him), 1-Jan-2010.) $)
            mp $p |- ps $=
              ( wi ax-mp ) ABCDE $.
          $}
        $(
        ###############################################################################
                    Mathboxes for user contributions
        ###############################################################################
        $)
          $( Never to be seen. $)
          never $p |- ph $= ? $.

        """;

    private static readonly string Script = RepositoryRoot.PathOf("recipes", "debian-domains", "prepare.sh");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [SkippableFact]
    public void Four_corpora_come_out_clean()
    {
        PackAll();

        var run = Prepare();

        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain("dict-gcide 1 instead of 0.48.5+nmu2");
        run.Error.ShouldContain("npm's list of licences could not be fetched");
        Read("general").ShouldBe([
            ("dict-gcide: Feel", "Feel, n.\n1. Feeling; perception. [R.]\n\nTo intercept and have a more kindly feel of its genial warmth. --Hazlitt.\n\nFeeler, n. One who, or that which, feels.\n"),
            ("debian-handbook: sect.one", $"1. Title & more\n\nA paragraph of {Filler}\n\n- first\n- second\n\n# ls  -l\n  file\n")]);
        Read("code").ShouldBe([("python: os.py", $"def f():\n    \"\"\"{Filler}\"\"\"\n\n\n    return \"\\n\\t\"\n")]);
        Read("math").ShouldBe([
            ("set.mm: LOGIC: Calculus",
            $"LOGIC: Calculus\n\nWords about the calculus, {Filler}\n\n  given |- ph\n  given |- ( ph -> ps )\n\nRule of ( F ` A ) detachment, see ax-mp.\nmp: |- ps\n")]);
        Read("law").ShouldBe([
            ("base-files: GPL", $"You may copy {Filler}\n"),
            ("ruby-licensee: mit", $"The permission is the {Filler}\n"),
            ("dict-gcide: Estoppel", "Estoppel, n. [Prob. fr. OF. estoupail. See Estop.] (Law)\n(a) A stop; an obstruction or bar to one's alleging or denying a fact contrary to his own previous action.\n")]);
        Directory.GetFileSystemEntries(Path.Combine(root, "out")).Length.ShouldBe(4);
    }

    [SkippableFact]
    public void A_domain_that_is_there_is_left_alone_and_its_packages_are_not_fetched()
    {
        PackAll();
        Directory.CreateDirectory(Path.Combine(root, "out"));
        foreach (var name in new[] { "general", "math", "law" }) File.WriteAllText(Path.Combine(root, "out", $"{name}.jsonl"), "mine\n");

        Prepare().Status.ShouldBe(0);

        File.ReadAllText(Path.Combine(root, "out", "math.jsonl")).ShouldBe("mine\n");
        File.ReadAllLines(Path.Combine(root, "calls")).ShouldBe(["libpython3.11-stdlib"]);
        Prepare().Status.ShouldBe(0);
        File.ReadAllLines(Path.Combine(root, "calls")).Length.ShouldBe(1);
    }

    [SkippableFact]
    public void A_package_that_apt_does_not_know_costs_one_line()
    {
        PackAll();
        File.Delete(Path.Combine(root, "debs", "metamath-databases_1_all.deb"));

        var run = Prepare();

        run.Status.ShouldBe(1);
        run.Error.ShouldBe("prepare.sh: apt does not know the package metamath-databases; run 'apt-get update' as root once, on Debian 12\n");
        Directory.GetFileSystemEntries(Path.Combine(root, "out")).ShouldBeEmpty();
    }

    [SkippableFact]
    public void A_download_that_fails_costs_one_line()
    {
        PackAll();
        Tool("apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100");

        var run = Prepare();

        run.Status.ShouldBe(1);
        run.Error.ShouldContain("prepare.sh: apt-get download failed (E: Unable to fetch some archives); run 'apt-get update' as root and try again\n");
        Directory.GetFileSystemEntries(Path.Combine(root, "out")).ShouldBeEmpty();
    }

    /// <summary>Makes a short text long enough to count.</summary>
    private static string Filler => string.Join(' ', Enumerable.Repeat("the words of a text", 30));

    private void PackAll()
    {
        Skip.IfNot(File.Exists("/usr/bin/dpkg-deb") && File.Exists("/usr/bin/perl"), "needs dpkg-deb and perl");
        const string handbook = "usr/share/doc/debian-handbook/html";
        Pack("dict-gcide", ("usr/share/dictd/gcide.dict.dz", Gzip(Dictionary)));
        Pack(
            "debian-handbook",
            ($"{handbook}/fr-FR/sect.one.html", Utf8("<html><body>Non</body></html>")),
            ($"{handbook}/en-US/sect.one.html", Utf8($"<html><head><title>x</title></head><body><div id=\"banner\">Get it</div><ul class=\"docnav top\"><li>Next</li></ul><h2>1. Title &amp; more</h2><div class=\"para\">\n\tA paragraph\n\tof {Filler}\n</div><ul><li class=\"a\"><div class=\"para\">first</div></li><li><p>second</p></li></ul><pre># ls  -l\n  file</pre><table>numbers</table></body></html>")));
        Pack("libpython3.11-stdlib", ("usr/lib/python3.11/os.py", Utf8($"def f():\r\n    \"\"\"{Filler}\"\"\"   \r\n\r\n\r\n    return \"\\n\\t\"\r\n")), ("usr/lib/python3.11/latin.py", [.. Utf8(Filler), 0xE9]));
        Pack("metamath-databases", ("usr/share/metamath/databases/set.mm", Utf8(SetMm.Replace("FILL", Filler, StringComparison.Ordinal))));
        Pack("base-files", ("usr/share/common-licenses/GPL", Utf8($"You may\ncopy {Filler}\n-----------\n")));
        Pack(
            "ruby-licensee",
            ("usr/share/choosealicense.com/_licenses/mit.txt", Utf8($"---\ntitle: MIT\n---\n\nThe permission is the {Filler}\n")),
            ("usr/share/choosealicense.com/_licenses/cecill.txt", Utf8(string.Join(' ', Enumerable.Repeat("Le présent contrat est une licence", 20)))));
        Pack("miscfiles", ("usr/share/state/us-short.gz", Gzip("too short")));
        Pack("doc-debian", ("usr/share/doc/debian/constitution.txt.gz", Gzip("too short")), ("usr/share/doc/debian/social-contract.txt.gz", Gzip("too short")));
        Tool("apt-cache", "for package; do ls \"$ROOT/debs/${package}\"_*.deb > /dev/null 2>&1 && echo \"Package: $package\"; done; true");
        Tool("apt-get", "for word; do for deb in \"$ROOT/debs/${word}\"_*.deb; do [ -f \"$deb\" ] && cp \"$deb\" . && echo \"$word\" >> \"$ROOT/calls\"; done; done; true");
        Tool("npm", "exit 1");
    }

    private void Pack(string package, params (string Path, byte[] Bytes)[] files)
    {
        var folder = Path.Combine(root, "packages", package);
        foreach (var (path, bytes) in files.Append(("DEBIAN/control", Utf8($"Package: {package}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: test\n"))))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllBytes(Path.Combine(folder, path), bytes);
        }

        Directory.CreateDirectory(Path.Combine(root, "debs"));
        Run("dpkg-deb", "-Znone", "--root-owner-group", "-b", folder, Path.Combine(root, "debs", $"{package}_1_all.deb")).Status.ShouldBe(0);
    }

    private void Tool(string name, string body)
    {
        var path = Path.Combine(root, "tools", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/bash\n{body}\n");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("755", 8));
    }

    private (int Status, string Error) Prepare() => Run("bash", Script, Path.Combine(root, "out"));

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

    private List<(string Source, string Text)> Read(string domain) =>
    [
        .. File.ReadLines(Path.Combine(root, "out", $"{domain}.jsonl")).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return (json.RootElement.GetProperty("source").GetString()!, json.RootElement.GetProperty("text").GetString()!);
        }),
    ];

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(Utf8(text));
        return compressed.ToArray();
    }
}
