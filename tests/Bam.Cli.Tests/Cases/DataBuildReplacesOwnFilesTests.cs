using System.Globalization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>Nothing of the user's is deleted or overwritten, whatever is named as output.</summary>
public sealed class DataBuildReplacesOwnFilesTests : IDisposable
{
    private const string Model = "model";

    private static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");

    private readonly CaseFiles files = new(null);

    public DataBuildReplacesOwnFilesTests()
    {
        for (var i = 0; i < 30; i++) Write($"raw/{i}.txt", $"text {i} of {string.Join(' ', Enumerable.Range(i * 1000, 60))}");
        Copy(Dense, Model);
        CommandLineRun.Of(
            "tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", files["tok.json"]).Status.ShouldBe(0);
    }

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_build_replaces_an_earlier_one_and_nothing_that_lies_beside_its_shards()
    {
        Build("raw", "law").Status.ShouldBe(0);
        Build("raw", "law").Status.ShouldBe(0);
        Write("law/raw/1.txt", "its own input");
        Write("law/notes.md", "precious");
        MustRefuse(
            Build("law/raw", "law"),
            $"{files["law"]}: expected a new or empty directory, or an earlier build, found one with notes.md and raw, around "
            + $"the input {files["law/raw"]}; choose another");
        MustRefuse(
            Build("raw", "law"),
            $"{files["law"]}: expected a new or empty directory, or an earlier build, found one with notes.md and raw; choose "
            + "another");
    }

    [Fact]
    public void Files_of_the_names_of_a_build_alone_are_no_build()
    {
        Write("out/report.json", """{"mine": 1}""");
        MustRefuse(
            Build("raw", "out"),
            $"{files["out"]}: expected a new or empty directory, or an earlier build, found one with report.json; choose "
            + "another");
        for (var i = 0; i < 5; i++) Write($"out/{i}", "");
        MustRefuse(
            Build("raw", "out"),
            $"{files["out"]}: expected a new or empty directory, or an earlier build, found one with 0, 1, 2 and 3 more; "
            + "choose another");
    }

    [Fact]
    public void A_link_in_the_place_of_a_shard_is_the_users()
    {
        Build("raw", "law").Status.ShouldBe(0);
        File.Move(files["law/train.bin"], files["moved.bin"]);
        File.CreateSymbolicLink(files["law/train.bin"], files["moved.bin"]);
        MustRefuse(
            Build("raw", "law"),
            $"{files["law"]}: expected a new or empty directory, or an earlier build, found one with train.bin; choose another");
    }

    [Theory]
    [InlineData("raw", "raw", "is")]
    [InlineData("raw", "link", "is")]
    [InlineData("link", "raw", "is")]
    [InlineData("raw", "link/../raw/.", "is")]
    [InlineData("raw", "raw/shards", "lies in")]
    [InlineData("raw", "link/shards", "lies in")]
    [InlineData("deep/er", "deeper/shards", "lies in")]
    public void An_output_that_is_or_lies_in_the_input_is_refused(string input, string output, string how)
    {
        Directory.CreateSymbolicLink(files["link"], "raw");
        Write("deep/er/1.txt", "text");
        Directory.CreateSymbolicLink(files["deeper"], files["deep/er"]);
        MustRefuse(Build(input, output), $"{files[output]}: {how} the input {files[input]}; choose another output");
    }

    [Theory]
    [InlineData("raw/1.txt", "lies in the input ")]
    [InlineData("./raw/../raw/1.txt", "lies in the input ")]
    [InlineData("link.txt", "lies in the input ")]
    [InlineData("hard.txt", "with other content")]
    [InlineData("raw/tokenizer.json", "lies in the input ")]
    public void A_tokenizer_is_not_written_over_or_among_its_text(string output, string how)
    {
        File.CreateSymbolicLink(files["link.txt"], "raw/1.txt");
        Link("raw/1.txt", "hard.txt");
        var run = CommandLineRun.Of("tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", files[output]);
        MustRefuse(run, contains: how);
    }

    [Fact]
    public void A_tokenizer_replaces_one_that_was_trained_an_empty_file_and_nothing_else()
    {
        Write("notes.md", "precious");
        Write("settings.json", """{"mine": 1}""");
        Write("empty", "");
        MustRefuse(
            Train("notes.md"),
            $"{files["notes.md"]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, found one with "
            + "other content; choose another name");
        MustRefuse(Train("settings.json"), contains: "with other content");
        Train("tok.json").Status.ShouldBe(0);
        Train("empty").Status.ShouldBe(0);
    }

    [Theory]
    [InlineData("gpt2", "<|endoftext|>")]
    [InlineData("llama3", "</s>")]
    [InlineData("cohere", "«é»")]
    [InlineData("gpt-neox", "\"a\\b\"")]
    public void A_trained_tokenizer_of_every_style_is_replaced(string style, string specialToken)
    {
        foreach (var size in (string[])["260", "259"])
        {
            var run = CommandLineRun.Of(
                "tokenizer", "train", files["raw"], "--vocab-size", size, "--style", style, "--special-token", specialToken,
                "--output", files["own.json"]);
            run.Status.ShouldBe(0, run.Error);
            Tokenizer.Load(files["own.json"]).VocabSize.ShouldBe(int.Parse(size, CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    public void A_tokenizer_of_others_stays(string name)
    {
        Write(
            "others/tokenizer.json",
            File.ReadAllText(RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", name, "tokenizer.json")));
        File.CreateSymbolicLink(files["link.json"], "others/tokenizer.json");
        MustRefuse(Train("others"), NotTrained("others/tokenizer.json"));
        MustRefuse(Train("others/tokenizer.json"), NotTrained("others/tokenizer.json"));
        MustRefuse(Train("link.json"), NotTrained("link.json"));
    }

    [Theory]
    [InlineData("\"Ġ\"", "\"Ġ \"")]
    [InlineData("\"normalized\": false", "\"normalized\": true")]
    [InlineData("\"post_processor\": null", "\"post_processor\":  null")]
    public void A_trained_tokenizer_that_was_changed_stays(string from, string to)
    {
        Write("changed.json", File.ReadAllText(files["tok.json"]).Replace(from, to, StringComparison.Ordinal));
        MustRefuse(Train("changed.json"), NotTrained("changed.json"));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("model-q8.gguf")]
    public void The_tokenizer_of_a_model_stays(string file)
    {
        Write($"mine/{file}", "");
        Write("mine/tokenizer.json", File.ReadAllText(files["tok.json"]));
        File.CreateSymbolicLink(files["link.json"], "mine/tokenizer.json");
        foreach (var output in (string[])["mine", "link.json"])
            MustRefuse(Train(output), contains: "which belongs to that model; choose another name");
        MustRefuse(
            Train("mine/tokenizer.json"),
            $"{files["mine/tokenizer.json"]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, "
            + $"found one beside {files[$"mine/{file}"]}, which belongs to that model; choose another name");
        File.Delete(files[$"mine/{file}"]);
        written.Clear();
        Train("link.json").Status.ShouldBe(0);
        Tokenizer.Load(files["mine"]).VocabSize.ShouldBe(280);
    }

    [Fact]
    public void A_slash_at_the_end_means_a_directory()
    {
        Train("new/").Status.ShouldBe(0);
        Tokenizer.Load(files["new/tokenizer.json"]).VocabSize.ShouldBe(280);
        Train("new/").Status.ShouldBe(0);
        Write("notes.md", "precious");
        MustRefuse(Train("notes.md/"), $"{files["notes.md"]}: expected a directory to write, found a file; choose another name");
    }

    [Fact]
    public void A_forward_pass_writes_over_an_earlier_output_only()
    {
        File.Copy(Path.Combine(Dense, "expected.safetensors"), files["ids.safetensors"]);
        Link("ids.safetensors", "hard.safetensors");
        MustRefuse(
            Forward("ids.safetensors"),
            $"{files["ids.safetensors"]}: is the input {files["ids.safetensors"]}; choose another output");
        MustRefuse(
            Forward("hard.safetensors"),
            $"{files["hard.safetensors"]}: is the input {files["ids.safetensors"]}; choose another output");
        MustRefuse(
            Forward("model/model.safetensors"),
            $"{files["model/model.safetensors"]}: lies in the input {files[Model]}; choose another output");
        Copy(Dense, "other");
        MustRefuse(
            Forward("other/model.safetensors"),
            $"{files["other/model.safetensors"]}: expected a new file, or an earlier output to replace, found one with other "
            + "content; choose another name");

        CommandLineRun Forward(string output) =>
            CommandLineRun.Of("forward", files[Model], "--input", files["ids.safetensors"], "--output", files[output]);
    }

    [Theory]
    [InlineData("model", "is the input")]
    [InlineData("model/gguf", "lies in the input")]
    [InlineData("linked", "is the input")]
    [InlineData("linked/gguf", "lies in the input")]
    [InlineData("law", "with notes.md")]
    public void An_export_goes_to_a_directory_of_its_own(string output, string how)
    {
        Directory.CreateSymbolicLink(files["linked"], files[Model]);
        Write("law/notes.md", "precious");
        MustRefuse(CommandLineRun.Of("export", files[Model], "--format", "hf", "--output", files[output]), contains: how);
    }

    [Theory]
    [InlineData("model", "is the input")]
    [InlineData("model/mixture", "lies in the input")]
    [InlineData("raw", "with 0.txt, 1.txt, 10.txt and 27 more")]
    [InlineData("", "raw and tok.json, around the input")]
    public void A_mixture_goes_to_a_directory_of_its_own(string output, string how) =>
        MustRefuse(
            CommandLineRun.Of("mix", "btx", "--seed", files[Model], "--expert", Dense, "--output", files[output]), contains: how);

    [Theory]
    [InlineData("model", "is the input")]
    [InlineData("model/run", "lies in the input")]
    [InlineData("data", "is the input")]
    [InlineData("data/run", "lies in the input")]
    [InlineData(".", "holds the input")]
    public void A_training_runs_apart_from_what_it_reads(string output, string how)
    {
        Build("raw", "data").Status.ShouldBe(0);
        Write(
            "train.yaml",
            $"{{model: model, data: [{{domain: law, path: data}}], output: '{output}', steps: 1, sequence_length: 8, "
            + "batch_size: 1, learning_rate: 1e-3}");
        MustRefuse(CommandLineRun.Of("train", files["train.yaml"]), contains: how);
    }

    [Theory]
    [InlineData("sets", "holds the input")]
    [InlineData("linked/sets", "holds the input")]
    [InlineData("measured/run", "lies in the input")]
    [InlineData("tokens", "holds the input")]
    [InlineData("store", "holds the input")]
    [InlineData("sets/run", null)]
    [InlineData("tokens/run", null)]
    [InlineData("store/run", null)]
    public void Every_file_that_a_training_names_is_an_input(string output, string? how)
    {
        Build("raw", "measured").Status.ShouldBe(0);
        Directory.CreateDirectory(files["sets"]);
        foreach (var ending in new[] { ".bin", ".idx" }) File.Copy(files[$"measured/train{ending}"], files[$"sets/law{ending}"]);
        Directory.CreateSymbolicLink(files["linked"], files["."]);
        Move("tok.json", "tokens/tok.json");
        Move("model/model.safetensors", "store/blob");
        File.CreateSymbolicLink(files["model/model.safetensors"], "../store/blob");
        Write("train.yaml", $$"""
            model: model
            tokenizer: tokens/tok.json
            data: [ { domain: law, path: sets/law.bin, validation: measured } ]
            output: '{{output}}'
            steps: 1
            sequence_length: 8
            batch_size: 1
            learning_rate: 1e-3
            """);
        var run = CommandLineRun.Of("train", files["train.yaml"]);
        if (how is not null) MustRefuse(run, contains: how);
        else run.Error.ShouldNotContain("choose another output");
    }

    [Theory]
    [InlineData("raw", "holds the input")]
    [InlineData("raw/run", null)]
    [InlineData("measured/run", "lies in the input")]
    [InlineData("model", "is the input")]
    [InlineData("model/run", "lies in the input")]
    [InlineData("tokens", "holds the input")]
    [InlineData("tokens/run", null)]
    [InlineData("texts", "holds the input")]
    public void Every_file_that_a_recipe_names_is_an_input(string output, string? how)
    {
        Move("tok.json", "tokens/tok.json");
        Write("texts/1.txt", "text");
        Write("measured/2.txt", "more text");
        File.CreateSymbolicLink(files["measured/1.txt"], "../texts/1.txt");
        Write("recipe.yaml", """
            domains: { general: { files: ["raw/*.txt"] }, law: { files: [measured] } }
            tokenizer: { path: tokens/tok.json }
            seed: { checkpoint: model }
            experts: { law: { checkpoint: model } }
            evaluation: { sequence_length: 8 }
            """);
        var run = CommandLineRun.Of("run", files["recipe.yaml"], "--output", files[output], "--dry-run");
        if (how is not null) MustRefuse(run, contains: how);
        else run.Status.ShouldBe(0, run.Error);
    }

    [Fact]
    public void The_file_of_a_recipes_sizes_is_an_input()
    {
        Write(
            "sizes/config.json",
            """{ "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2 }""");
        Write("recipe.yaml", """
            domains: { general: { files: [raw] } }
            model: ./sizes/config.json
            seed: { steps: 1, learning_rate: 2e-3, sequence_length: 8, batch_size: 1 }
            """);
        MustRefuse(
            CommandLineRun.Of("run", files["recipe.yaml"], "--output", files["sizes"], "--dry-run"), contains: "holds the input");
        CommandLineRun.Of("run", files["recipe.yaml"], "--output", files["sizes/run"], "--dry-run").Status.ShouldBe(0);
    }

    [Fact]
    public void A_recipe_runs_apart_from_what_it_reads_and_begins_no_run_over_other_files()
    {
        Write("recipe.yaml", """
            domains: { general: { files: [raw] } }
            model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
            seed: { steps: 1, learning_rate: 2e-3, sequence_length: 8, batch_size: 1 }
            """);
        MustRefuse(Run("raw"), contains: "is the input");
        MustRefuse(Run("raw/run"), contains: "lies in the input");
        MustRefuse(Run("."), contains: "holds the input");
        MustRefuse(Run(".", "--smoke"), contains: "holds the input");
        Write("mine/results.json", "precious");
        Write("mine/phases/moon.md", "precious");
        MustRefuse(
            Run("mine"),
            $"{files["mine/results.json"]}: already exists, but there is no run to continue; choose another --output");
        Write("texts/text/general.jsonl", "precious");
        MustRefuse(
            Run("texts", "--smoke"),
            $"{files["texts/text"]}: already exists, but there is no run to continue; choose another --output");

        CommandLineRun Run(string output, params string[] more) =>
            CommandLineRun.Of(["run", files["recipe.yaml"], "--output", files[output], .. more]);
    }

    [Theory]
    [InlineData("/", "found the root of the file system")]
    [InlineData("~/law", "found a ~, which only the shell replaces")]
    [InlineData("", "expected a value, found an empty one")]
    public void Names_that_are_hardly_meant_are_refused(string output, string how) =>
        MustRefuse(
            CommandLineRun.Of("data", "build", "--input", files["raw"], "--tokenizer", files["tok.json"], "--output", output),
            contains: how);

    private CommandLineRun Train(string output) =>
        CommandLineRun.Of("tokenizer", "train", files["raw"], "--vocab-size", "280", "--output", files[output]);

    private string NotTrained(string name) =>
        $"{files[name]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, found one with other "
        + "content; choose another name";

    private CommandLineRun Build(string input, string output) =>
        CommandLineRun.Of(
            "data", "build", "--input", files[input], "--tokenizer", files["tok.json"], "--output", files[output],
            "--near-duplicate-similarity", "1");

    /// <summary>The run was refused by one line and changed no file.</summary>
    private void MustRefuse(CommandLineRun run, string? line = null, string contains = "")
    {
        run.Status.ShouldBe(ExitStatus.WrongRequest, run.Error);
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
        if (line is not null) run.Error.ShouldBe($"bam: {line}\n");
        run.Error.ShouldContain(contains);
        foreach (var (path, content) in written) File.ReadAllText(path).ShouldBe(content);
    }

    private readonly Dictionary<string, string> written = [];

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(files[name])!);
        File.WriteAllText(files[name], content);
        written[files[name]] = content;
    }

    private void Move(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(files[to])!);
        File.Move(files[from], files[to]);
    }

    private void Copy(string model, string name)
    {
        Directory.CreateDirectory(files[name]);
        foreach (var file in Directory.GetFiles(model)) File.Copy(file, files[Path.Combine(name, Path.GetFileName(file))]);
    }

    private void Link(string existing, string name)
    {
        using var link = System.Diagnostics.Process.Start("ln", [files[existing], files[name]]);
        link.WaitForExit();
        link.ExitCode.ShouldBe(0);
    }
}
