using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>Nothing of the user's is deleted or overwritten, whatever is named as output.</summary>
public sealed class DataBuildReplacesOwnFilesTests : OwnFilesCase
{
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
}
