using System.Text;
using System.Text.Json;
using Bam.Data;
using Bam.Data.Building;
using Bam.Tests.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class DataBuilderTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Documents_keep_their_order_and_end_with_the_end_of_text()
    {
        var texts = Texts(40, 200);
        WriteLines("in.jsonl", texts);

        Build();

        using var domain = DomainData.Open(directory["out"]);
        var train = ByteEncoder.Documents(domain.Train);
        var heldOut = ByteEncoder.Documents(domain.HeldOut);
        train.Concat(heldOut).Order().ShouldBe(texts.Order());
        train.ShouldBe(texts.Except(heldOut));
        heldOut.ShouldBe(texts.Except(train));
        Enumerable.Range(0, (int)domain.Train.DocumentCount).Select(i => Last(domain.Train, i))
            .ShouldAllBe(id => id == ByteEncoder.EndOfText);
        domain.Name.ShouldBe("out");
        domain.HeldOutBytes.ShouldBe(heldOut.Sum(text => Encoding.UTF8.GetByteCount(text)));
        domain.Train.TokenType.ShouldBe(TokenType.UInt16);
        domain.Train.VocabularySize.ShouldBe(257);
    }

    [Fact]
    public void The_report_accounts_for_every_document()
    {
        var texts = Texts(40, 400);
        var heldOut = HeldOutOf(texts);
        string[] all = [.. texts, "", texts[3], "x" + texts[5], heldOut[0][..200] + RandomText.Words(300, "new")];
        WriteLines("in.jsonl", all);

        var report = Build(options => options with { Name = "law", Seed = 0 });

        report.Name.ShouldBe("law");
        report.Tokenizer.ShouldBe("bytes");
        report.InputFiles.ShouldBe(1);
        report.InputBytes.ShouldBe(new FileInfo(directory["in.jsonl"]).Length);
        report.DocumentsRead.ShouldBe(43);
        report.EmptyDocuments.ShouldBe(1);
        report.NearDuplicates.ShouldBe(2);
        report.Contaminated.ShouldBe(1);
        (report.Train.Documents + report.HeldOut.Documents).ShouldBe(40);
        report.Train.Utf8Bytes.ShouldBe(report.Train.Tokens - report.Train.Documents);
        report.NearDuplicateExamples.Select(example => (example.Document, example.Because)).ShouldBe([
            ($"{directory["in.jsonl"]}:42", $"{directory["in.jsonl"]}:4"),
            ($"{directory["in.jsonl"]}:43", $"{directory["in.jsonl"]}:6")]);
        report.ContaminatedExamples.ShouldHaveSingleItem().Document.ShouldBe($"{directory["in.jsonl"]}:44");
        var written = JsonDocument.Parse(File.ReadAllText(directory["out/report.json"])).RootElement;
        written.GetProperty("near_duplicates").GetInt64().ShouldBe(2);
        written.GetProperty("held_out").GetProperty("tokens").GetInt64().ShouldBe(report.HeldOut.Tokens);
        DataBuildReport.Load(directory["out"]).ToJson().ShouldBe(report.ToJson());
    }

    [Fact]
    public void One_of_a_cluster_of_near_duplicates_stays()
    {
        var texts = Texts(30, 2000);
        var original = texts[7];
        // A few words changed and the lines rewrapped: four fifths of the shingles stay the same.
        var edited = original.Replace(" ", "\n", StringComparison.Ordinal);
        for (var place = 300; place < 2000; place += 700) edited = edited.Remove(place, 3).Insert(place, "###");
        WriteLines("in.jsonl", [.. texts, edited, edited + " and more"]);

        var report = Build();

        report.NearDuplicates.ShouldBe(2);
        report.NearDuplicateExamples.ShouldAllBe(
            example => example.Because == $"{directory["in.jsonl"]}:8" && example.Share > 0.6);
        AllDocuments().ShouldContain(original);
        AllDocuments().ShouldNotContain(edited);
    }

    [Fact]
    public void Documents_that_share_a_part_are_no_duplicates()
    {
        // A notice of 200 characters at the start of each: Jaccard similarity 0.08.
        var notice = RandomText.Words(200, "notice");
        WriteLines("in.jsonl", [.. Texts(30, 1000).Select(text => notice + text)]);

        Build().NearDuplicates.ShouldBe(0);
    }

    [Theory]
    [InlineData(0.15, true)]
    [InlineData(0.25, false)]
    public void A_training_document_shares_at_most_a_fifth_with_a_held_out_one(double share, bool stays)
    {
        const int length = 1049; // 1000 shingles
        var texts = Texts(40, length);
        var heldOut = HeldOutOf(texts);
        var copied = (int)(share * 1000) + 49;
        var suspect = heldOut[0][..copied] + RandomText.Words(length - copied, "suspect");
        WriteLines("in.jsonl", [.. texts, suspect]);

        var report = Build();

        HeldOutDocuments().ShouldBe(heldOut);
        report.Contaminated.ShouldBe(stays ? 0 : 1);
        AllDocuments().Contains(suspect).ShouldBe(stays);
        if (!stays) report.ContaminatedExamples.Single().Share.ShouldBe(share, 0.005);
    }

    [Fact]
    public void No_training_document_shares_more_than_a_fifth_with_any_held_out_one()
    {
        // Documents composed of 60 passages, so that many share some.
        var random = new RandomStream(1, "stock");
        var stock = Texts(60, 300);
        var texts = new List<string>();
        for (var i = 0; i < 120; i++)
        {
            var text = new StringBuilder();
            for (var part = 0; part < 6; part++)
                text.Append(random.NextInt64(10) < 4 ? stock[(int)random.NextInt64(60)] : RandomText.Words(300, $"{i} {part}"));
            texts.Add(text.ToString());
        }

        WriteLines("in.jsonl", [.. texts]);

        var report = Build(options => options with { HeldOutFraction = 0.2 });

        report.Contaminated.ShouldBeInRange(5, 80);
        var heldOut = HeldOutDocuments().Select(Naive).ToList();
        foreach (var text in TrainDocuments())
        {
            var shingles = Naive(text);
            foreach (var other in heldOut)
                ((double)shingles.Count(other.Contains) / shingles.Count).ShouldBeLessThanOrEqualTo(0.2);
        }

        static HashSet<string> Naive(string text) =>
            [.. Enumerable.Range(0, text.Length - 49).Select(start => text.Substring(start, 50))];
    }

    [Fact]
    public void Slices_of_one_document_never_cross_the_split()
    {
        File.WriteAllLines(
            directory["in.jsonl"],
            Enumerable.Range(0, 200).Select(
                i => JsonSerializer.Serialize(new { text = $"{i / 5}:{RandomText.Words(100, $"{i}")}", book = $"{i / 5}" })));

        Build(options => options with { GroupKey = "book", HeldOutFraction = 0.25 });

        var train = TrainDocuments().Select(Book).Distinct().ToList();
        var heldOut = HeldOutDocuments().Select(Book).Distinct().ToList();
        heldOut.Count.ShouldBe(10);
        train.Count.ShouldBe(30);
        train.Intersect(heldOut).ShouldBeEmpty();

        static string Book(string text) => text.Split(':')[0];
    }

    [Fact]
    public void The_split_depends_on_content_and_seed_only()
    {
        var texts = Texts(60, 300);
        WriteLines("in.jsonl", texts);
        Build();
        var heldOut = HeldOutDocuments();

        Array.Reverse(texts);
        WriteLines("in.jsonl", texts);
        Build();
        HeldOutDocuments().Order().ShouldBe(heldOut.Order());

        Build(options => options with { Seed = 1 });
        HeldOutDocuments().Order().ShouldNotBe(heldOut.Order());
    }

    [Theory]
    [InlineData(0.05, 1_000_000, 5)]
    [InlineData(0.5, 1_000_000, 50)]
    [InlineData(0.5, 2021, 10)]
    [InlineData(0, 1_000_000, 0)]
    [InlineData(0.05, 0, 0)]
    [InlineData(0.004, 1_000_000, 1)]
    public void The_held_out_part_keeps_to_its_size(double fraction, long maxTokens, int documents)
    {
        WriteLines("in.jsonl", Texts(100, 201));

        var report = Build(options => options with { HeldOutFraction = fraction, HeldOutMaxTokens = maxTokens });

        report.HeldOut.Documents.ShouldBe(documents);
        report.Train.Documents.ShouldBe(100 - documents);
    }

    [Fact]
    public void A_document_longer_than_the_budget_is_trained_on()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            WriteLines("in.jsonl", [RandomText.Words(20_000, "long"), .. Texts(50, 200)]);
            Build(options => options with { Seed = seed }).HeldOut.Tokens.ShouldBeInRange(1000, 1510);
        }
    }

    [Fact]
    public void The_result_does_not_depend_on_threads()
    {
        var texts = Enumerable.Range(0, 700).Select(i => RandomText.Words(20 + (i % 7 * 300), $"{i}")).ToList();
        WriteLines("in.jsonl", [.. texts, .. texts.Take(100)]);

        Build(options => options with { Threads = 1, Output = directory["one"], Name = "x" });
        Build(options => options with { Threads = 4, Output = directory["four"], Name = "x" });

        foreach (var name in new[] { "train.bin", "train.idx", "heldout.bin", "heldout.idx", "report.json" })
            File.ReadAllBytes(directory[$"four/{name}"]).ShouldBe(File.ReadAllBytes(directory[$"one/{name}"]), name);
    }

    [Fact]
    public void The_hashes_in_the_report_are_those_of_the_files()
    {
        WriteLines("in.jsonl", Texts(40, 200));

        var report = Build();

        report.Train.Sha256.ShouldBe(Sha256("out/train.bin"));
        report.HeldOut.Sha256.ShouldBe(Sha256("out/heldout.bin"));
        Directory.GetFiles(directory["out"]).Select(Path.GetFileName).Order()
            .ShouldBe(["heldout.bin", "heldout.idx", "report.json", "train.bin", "train.idx"]);

        string Sha256(string name) =>
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(directory[name])));
    }

    [Fact]
    public void A_bad_line_leaves_nothing_behind()
    {
        WriteLines("in.jsonl", Texts(40, 200));
        File.AppendAllText(directory["in.jsonl"], "{\"text\": ");

        Should.Throw<InvalidInputException>(() => Build()).Message.ShouldStartWith($"{directory["in.jsonl"]}:41: ");
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["in.jsonl"]]);
    }

    [Fact]
    public void Cancelling_leaves_the_earlier_build()
    {
        WriteLines("in.jsonl", Texts(40, 200));
        Build();
        var before = File.ReadAllText(directory["out/report.json"]);
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Should.Throw<OperationCanceledException>(() => DataBuilder.Build(Options with { Seed = 9 }, cancellation: stop.Token));
        File.ReadAllText(directory["out/report.json"]).ShouldBe(before);
        Directory.GetFileSystemEntries(directory.Root).Length.ShouldBe(2);
    }

    [Fact]
    public void Somebody_elses_folder_is_not_replaced()
    {
        WriteLines("in.jsonl", Texts(40, 200));
        Directory.CreateDirectory(directory["out"]);
        File.WriteAllText(directory["out/thesis.txt"], "years");

        Should.Throw<InvalidInputException>(() => Build()).Message
            .ShouldBe(
                $"{directory["out"]}: expected a new or empty directory, or an earlier build, found one with thesis.txt; "
                    + "choose another");
        File.Exists(directory["out/thesis.txt"]).ShouldBeTrue();
    }

    [Fact]
    public void Progress_is_told_once_for_each_place()
    {
        WriteLines("in.jsonl", Texts(700, 100));
        var reporter = new ProgressRecorder();

        DataBuilder.Build(Options, reporter);

        reporter.Progress.Select(progress => progress.Activity).Distinct()
            .ShouldBe(["tokenize out", "read held-out out", "compare out"]);
        reporter.Progress.Distinct().Count().ShouldBe(reporter.Progress.Count);
        reporter.Progress.Last().ShouldBe(
            new WorkProgress(
                "compare out", new FileInfo(directory["in.jsonl"]).Length, new FileInfo(directory["in.jsonl"]).Length, "bytes"));
    }

    [Fact]
    public void One_document_cannot_be_split()
    {
        File.WriteAllText(directory["in.jsonl"], "{\"text\": \"one\"}\n{\"text\": \"one\"}\n");

        Should.Throw<InvalidInputException>(() => Build()).Message
            .ShouldStartWith(
                $"{directory["in.jsonl"]}: expected at least two documents, one to train on and one to measure on, found one; ");
    }

    [Fact]
    public void A_file_that_changes_meanwhile_is_noticed()
    {
        WriteLines("in.jsonl", Texts(40, 200));
        var encoder = ByteEncoder.Instance with
        {
            Encode = (text, ids) =>
            {
                File.SetLastWriteTimeUtc(directory["in.jsonl"], DateTime.UnixEpoch);
                ByteEncoder.Instance.Encode(text, ids);
            },
        };

        Should.Throw<WorkFailedException>(() => Build(options => options with { Encoder = encoder })).Message
            .ShouldStartWith($"{directory["in.jsonl"]}: changed while it was read");
    }

    [SkippableFact]
    public void A_full_disk_is_said_before_the_work_begins()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        WriteLines("in.jsonl", Texts(400, 500));

        Should.Throw<WorkFailedException>(
            () => Build(options => options with { Output = Path.Combine(disk.Root, "out") })).Message.ShouldContain(" free; ");
        Directory.GetFileSystemEntries(disk.Root).ShouldBeEmpty();
    }

    [Fact]
    public void A_report_that_does_not_fit_the_shards_is_noticed()
    {
        WriteLines("in.jsonl", Texts(40, 200));
        Build();
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["none"])).Message
            .ShouldContain("does not exist; build the domain with");
        foreach (var extension in new[] { "bin", "idx" })
            File.Copy(directory[$"out/train.{extension}"], directory[$"out/heldout.{extension}"], overwrite: true);
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["out"])).Message
            .ShouldContain("tokens, as report.json says, found");
        File.WriteAllText(directory["out/report.json"], "{}");
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["out"])).Message.ShouldStartWith(
            $"{directory["out/report.json"]}: key 'name' is missing; build the domain with 'bam data build'");
    }

    private DataBuildOptions Options =>
        new() { Inputs = [directory["in.jsonl"]], Encoder = ByteEncoder.Instance, Output = directory["out"], Threads = 2 };

    private static string[] Texts(int count, int characters) =>
        [.. Enumerable.Range(0, count).Select(i => RandomText.Words(characters, $"text {i}"))];

    private DataBuildReport Build(Func<DataBuildOptions, DataBuildOptions>? change = null) =>
        DataBuilder.Build(change is null ? Options : change(Options));

    /// <summary>The documents that a build holds out.</summary>
    private List<string> HeldOutOf(string[] texts)
    {
        WriteLines("in.jsonl", texts);
        Build();
        return HeldOutDocuments();
    }

    private List<string> TrainDocuments() => Documents(domain => domain.Train);

    private List<string> HeldOutDocuments() => Documents(domain => domain.HeldOut);

    private List<string> AllDocuments() => [.. TrainDocuments(), .. HeldOutDocuments()];

    private List<string> Documents(Func<DomainData, IndexedDataset> side)
    {
        using var domain = DomainData.Open(directory["out"]);
        return ByteEncoder.Documents(side(domain));
    }

    private static int Last(IndexedDataset dataset, int document)
    {
        var (start, length) = dataset.Document(document);
        var id = new int[1];
        dataset.Read(start + length - 1, id);
        return id[0];
    }

    private void WriteLines(string name, string[] texts) =>
        File.WriteAllLines(directory[name], texts.Select(text => JsonSerializer.Serialize(new { text })));
}
