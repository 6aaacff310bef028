using System.Buffers.Binary;
using System.Text;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

/// <summary>The script that makes text which no model of the reproduction saw, with a stand-in for apt.</summary>
public sealed class PrepareProbesTests : IDisposable
{
    private const string QlMm =
        """
        $( ql.mm - Version of 11-Apr-2012
        #*#*#*#*#*#*#*#
            Metamath source file
        #*#*#*#*#*#*#*#
        Credits, and FILL
        $)
        $(
        #*#*#*#*#*#*#*#
            Ortholattices
        #*#*#*#*#*#*#*#

          Words about
          lattices, FILL
        $)
          ${
            a1.1 $e |- a = b $.
            $( Commutative law.  (Contributed by NM, 3-Jul-05.) $)
            a1 $p |- ( a v b ) = ( b v a ) $=
              ( ax-a2 ) ABC $.
              $( [27-May-2008] $) $( [3-Jul-05] $)
          $}

        """;

    private static readonly string Script = RepositoryRoot.PathOf("recipes", "reproduction", "prepare-probes.sh");

    private readonly DebianArchive archive = new();

    public void Dispose() => archive.Dispose();

    [SkippableFact]
    public void Five_texts_come_out_clean()
    {
        PackAll();

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain("bible-kjv-text 1 instead of 4.38");
        archive.Read("scripture").ShouldBe([
            ("bible-kjv-text: Ge1", "In the beginning God created.\nAnd the earth was void.\n"),
            ("bible-kjv-text: 1Sa2", "And Hannah prayed.\n")]);
        archive.Read("quotations").ShouldBe([
            (
                "fortunes: people 1",
                "A bore is a man who talks about himself. -- Somebody\n\nEveryone talks, nobody does anything.\n"),
            ("fortunes: songs-poems 1", "A bit of talcum\nIs always walcum\n-- Ogden Nash\n"),
            ("fortunes: wisdom 1", "A truth.\n")]);
        archive.Read("german").ShouldBe([("fortunes-de: zitate 1", "Übung macht den Meister. -- Volksmund\n")]);
        archive.Read("c").ShouldBe([("libstb-dev: stb_a.h 1", "int a(void)\n{\n   int b[] = {\n   };\n\n   return 1;\n}\n")]);
        archive.Read("logic").ShouldBe([
            (
                "ql.mm: Ortholattices",
                $"Ortholattices\n\nWords about lattices, {Filler}\n\n  given |- a = b\n\nCommutative law.\n"
                + "a1: |- ( a v b ) = ( b v a )\n")]);
        Directory.GetFileSystemEntries(archive.Output).Length.ShouldBe(5);
    }

    [SkippableFact]
    public void A_text_that_is_there_is_left_alone_and_its_package_is_not_fetched()
    {
        PackAll();
        Directory.CreateDirectory(archive.Output);
        foreach (var name in new[] { "scripture", "quotations", "german", "logic" })
            File.WriteAllText(Path.Combine(archive.Output, $"{name}.jsonl"), "mine\n");

        archive.Prepare(Script).Status.ShouldBe(0);

        File.ReadAllText(Path.Combine(archive.Output, "german.jsonl")).ShouldBe("mine\n");
        archive.Downloaded.ShouldBe(["libstb-dev"]);
        archive.Prepare(Script).Status.ShouldBe(0);
        archive.Downloaded.Length.ShouldBe(1);
    }

    [SkippableFact]
    public void A_package_that_apt_does_not_know_costs_one_line()
    {
        PackAll();
        archive.Remove("fortunes-de");

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(1);
        run.Error.ShouldBe(
            "prepare-probes.sh: apt does not know the package fortunes-de; run 'apt-get update' as root once, on Debian 12\n");
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
            "prepare-probes.sh: apt-get download failed (E: Unable to fetch some archives); run 'apt-get update' as root and "
            + "try again\n");
        Directory.GetFileSystemEntries(archive.Output).ShouldBeEmpty();
    }

    [SkippableFact]
    public void A_damaged_text_is_named_and_the_others_stay()
    {
        PackAll();
        archive.Pack("bible-kjv-text", ("usr/lib/bible.data", new byte[200]));

        var run = archive.Prepare(Script);

        run.Status.ShouldBe(1);
        run.Error.ShouldContain("prepare-probes.sh: could not make scripture (see above); the texts that are whole stay\n");
        Directory.GetFileSystemEntries(archive.Output).Length.ShouldBe(4);
    }

    /// <summary>Makes a short text long enough to count.</summary>
    private static string Filler => string.Join(' ', Enumerable.Repeat("the words of a text", 30));

    private void PackAll()
    {
        const string fortunes = "usr/share/games/fortunes";
        archive.Pack("bible-kjv-text", ("usr/lib/bible.data", Bible(
            "Holy Bible, a title.\nGe1:1 In the beginning God created.\nGe1:2 And the ea",
            "rth was void.\n1Sa2:1 And Hannah prayed.\n")));
        archive.Pack(
            "fortunes",
            (
                $"{fortunes}/people",
                DebianArchive.Utf8(
                    "A bore is a man who talks\nabout himself.\n\t\t-- Somebody\n%\n"
                    + "Everyone talks, nobody ____\b\b\b\bdoes anything.\n%\n")),
            ($"{fortunes}/songs-poems", DebianArchive.Utf8("A bit of talcum\nIs always walcum\n\t\t-- Ogden Nash\n%\n")),
            ($"{fortunes}/wisdom", DebianArchive.Utf8("A truth.\n")),
            ($"{fortunes}/law", DebianArchive.Utf8("Never to be seen.\n")));
        archive.Pack(
            "fortunes-de", ($"{fortunes}/de/zitate", DebianArchive.Utf8("Übung macht\nden Meister.\n\t\t-- Volksmund\n%\n")));
        archive.Pack(
            "libstb-dev",
            ("usr/include/stb/stb.h", DebianArchive.Utf8("int old;\n")),
            (
                "usr/include/stb/stb_a.h",
                DebianArchive.Utf8(
                    "int a(void)\r\n{\r\n   int b[] = {\n      1, 2, 0x3, -4, 5,\n   };\n\n   return 1;\n}\n\n"
                    + "/*\n------------------------\n"
                    + "This software is available under 2 licenses -- choose whichever you prefer.\n*/\n")));
        archive.Pack(
            "metamath-databases",
            ("usr/share/metamath/databases/ql.mm", DebianArchive.Utf8(QlMm.Replace("FILL", Filler, StringComparison.Ordinal))),
            ("usr/share/metamath/databases/hol.mm", DebianArchive.Utf8("$( too short $)\n")),
            ("usr/share/metamath/databases/peano.mm", DebianArchive.Utf8("$( too short $)\n")));
    }

    /// <summary>The package's file: a head of 92 bytes, the blocks' offsets, the blocks.</summary>
    private static byte[] Bible(params string[] blocks)
    {
        var file = new MemoryStream();
        file.Write(new byte[92]);
        var packed = blocks.Select(Lzw).ToList();
        Span<byte> number = stackalloc byte[4];
        var offset = 92 + (4 * (blocks.Length + 1));
        foreach (var length in packed.Select(block => block.Length).Append(0))
        {
            BinaryPrimitives.WriteInt32BigEndian(number, offset);
            file.Write(number);
            offset += length;
        }

        foreach (var block in packed) file.Write(block);
        return file.ToArray();
    }

    /// <summary>
    /// A short text as compress writes it, without its magic number: a code of nine bits for each byte, no repetition found.
    /// </summary>
    private static byte[] Lzw(string text)
    {
        var bits = new bool[text.Length * 9];
        foreach (var (place, value) in Encoding.ASCII.GetBytes(text).Index())
            for (var bit = 0; bit < 8; bit++) bits[(place * 9) + bit] = (value >> bit & 1) == 1;
        var bytes = new byte[(bits.Length + 7) / 8];
        new System.Collections.BitArray(bits).CopyTo(bytes, 0);
        return bytes;
    }
}
