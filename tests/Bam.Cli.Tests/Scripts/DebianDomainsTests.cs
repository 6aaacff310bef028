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

    private readonly DebianArchive archive = new();

    public void Dispose() => archive.Dispose();

    [SkippableFact]
    public void Four_corpora_come_out_clean()
    {
        PackAll();

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain("dict-gcide 1 instead of 0.48.5+nmu2");
        run.Error.ShouldContain("npm's list of licences could not be fetched");
        archive.Read("general").ShouldBe([
            (
                "dict-gcide: Feel",
                "Feel, n.\n1. Feeling; perception. [R.]\n\nTo intercept and have a more kindly feel of its genial warmth. "
                + "--Hazlitt.\n\nFeeler, n. One who, or that which, feels.\n"),
            (
                "debian-handbook: sect.one",
                $"1. Title & more\n\nA paragraph of {Filler}\n\n- first\n- second\n\n# ls  -l\n  file\n")]);
        archive.Read("code").ShouldBe([("python: os.py", $"def f():\n    \"\"\"{Filler}\"\"\"\n\n\n    return \"\\n\\t\"\n")]);
        archive.Read("math").ShouldBe([
            ("set.mm: LOGIC: Calculus",
            $"LOGIC: Calculus\n\nWords about the calculus, {Filler}\n\n  given |- ph\n  given |- ( ph -> ps )\n\nRule of ( F ` "
            + "A ) detachment, see ax-mp.\nmp: |- ps\n")]);
        archive.Read("law").ShouldBe([
            ("base-files: GPL", $"You may copy {Filler}\n"),
            ("ruby-licensee: mit", $"The permission is the {Filler}\n"),
            (
                "dict-gcide: Estoppel",
                "Estoppel, n. [Prob. fr. OF. estoupail. See Estop.] (Law)\n(a) A stop; an obstruction or bar to one's alleging "
                + "or denying a fact contrary to his own previous action.\n")]);
        Directory.GetFileSystemEntries(archive.Output).Length.ShouldBe(4);
    }

    [SkippableFact]
    public void A_domain_that_is_there_is_left_alone_and_its_packages_are_not_fetched()
    {
        PackAll();
        Directory.CreateDirectory(archive.Output);
        foreach (var name in new[] { "general", "math", "law" })
            File.WriteAllText(Path.Combine(archive.Output, $"{name}.jsonl"), "mine\n");

        archive.Prepare(Script).Status.ShouldBe(0);

        File.ReadAllText(Path.Combine(archive.Output, "math.jsonl")).ShouldBe("mine\n");
        archive.Downloaded.ShouldBe(["libpython3.11-stdlib"]);
        archive.Prepare(Script).Status.ShouldBe(0);
        archive.Downloaded.Length.ShouldBe(1);
    }

    [SkippableFact]
    public void A_package_that_apt_does_not_know_costs_one_line()
    {
        PackAll();
        archive.Remove("metamath-databases");

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(1);
        run.Error.ShouldBe(
            "prepare.sh: apt does not know the package metamath-databases; run 'apt-get update' as root once, on Debian 12\n");
        Directory.GetFileSystemEntries(archive.Output).ShouldBeEmpty();
    }

    [SkippableFact]
    public void A_download_that_fails_costs_one_line()
    {
        PackAll();
        archive.Tool("apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100");

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(1);
        run.Error.ShouldContain(
            "prepare.sh: apt-get download failed (E: Unable to fetch some archives); run 'apt-get update' as root and try "
            + "again\n");
        Directory.GetFileSystemEntries(archive.Output).ShouldBeEmpty();
    }

    /// <summary>Makes a short text long enough to count.</summary>
    private static string Filler => string.Join(' ', Enumerable.Repeat("the words of a text", 30));

    private void PackAll()
    {
        const string handbook = "usr/share/doc/debian-handbook/html";
        archive.Pack("dict-gcide", ("usr/share/dictd/gcide.dict.dz", DebianArchive.Gzip(Dictionary)));
        archive.Pack(
            "debian-handbook",
            ($"{handbook}/fr-FR/sect.one.html", DebianArchive.Utf8("<html><body>Non</body></html>")),
            (
                $"{handbook}/en-US/sect.one.html",
                DebianArchive.Utf8(
                    "<html><head><title>x</title></head><body><div id=\"banner\">Get it</div>"
                    + "<ul class=\"docnav top\"><li>Next</li></ul><h2>1. Title &amp; more</h2>"
                    + $"<div class=\"para\">\n\tA paragraph\n\tof {Filler}\n</div>"
                    + "<ul><li class=\"a\"><div class=\"para\">first</div></li><li><p>second</p></li></ul>"
                    + "<pre># ls  -l\n  file</pre><table>numbers</table></body></html>")));
        archive.Pack(
            "libpython3.11-stdlib",
            (
                "usr/lib/python3.11/os.py",
                DebianArchive.Utf8($"def f():\r\n    \"\"\"{Filler}\"\"\"   \r\n\r\n\r\n    return \"\\n\\t\"\r\n")),
            ("usr/lib/python3.11/latin.py", [.. DebianArchive.Utf8(Filler), 0xE9]));
        archive.Pack(
            "metamath-databases",
            ("usr/share/metamath/databases/set.mm", DebianArchive.Utf8(SetMm.Replace("FILL", Filler, StringComparison.Ordinal))));
        archive.Pack(
            "base-files", ("usr/share/common-licenses/GPL", DebianArchive.Utf8($"You may\ncopy {Filler}\n-----------\n")));
        archive.Pack(
            "ruby-licensee",
            (
                "usr/share/choosealicense.com/_licenses/mit.txt",
                DebianArchive.Utf8($"---\ntitle: MIT\n---\n\nThe permission is the {Filler}\n")),
            (
                "usr/share/choosealicense.com/_licenses/cecill.txt",
                DebianArchive.Utf8(string.Join(' ', Enumerable.Repeat("Le présent contrat est une licence", 20)))));
        archive.Pack("miscfiles", ("usr/share/state/us-short.gz", DebianArchive.Gzip("too short")));
        archive.Pack(
            "doc-debian", ("usr/share/doc/debian/constitution.txt.gz", DebianArchive.Gzip("too short")),
            ("usr/share/doc/debian/social-contract.txt.gz", DebianArchive.Gzip("too short")));
    }
}
