using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class RecipeProbeTests : IDisposable
{
    private const string Yaml = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        probes:
          verse: { files: [verse.txt], section_separator: "%" }
          corrupt-5: { of: [general, law], corrupt: 0.05 }
          mixed: { of: [general, law], pieces: 400 }
        """;

    private readonly string directory = Directory.CreateTempSubdirectory("bam-probe-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_probe_has_files_or_held_out_text()
    {
        var probes = Read(Yaml).Probes;

        probes.Keys.ShouldBe(["verse", "corrupt-5", "mixed"]);
        probes["verse"].Files.ShouldBe([Path.Combine(directory, "verse.txt")]);
        probes["corrupt-5"].Corrupt.ShouldBe(0.05);
        probes["mixed"].Pieces.ShouldBe(400);
    }

    [Fact]
    public void Text_of_domains_and_probes_may_have_bad_lines()
    {
        var recipe = Read(Yaml
            .Replace("files: [law.txt]", "files: [law.jsonl], skip_bad_lines: 3", StringComparison.Ordinal)
            .Replace("files: [verse.txt],", "files: [verse.jsonl], skip_bad_lines: 2,", StringComparison.Ordinal));

        SkippedOf(recipe.Domains["general"]).ShouldBe(0);
        SkippedOf(recipe.Domains["law"]).ShouldBe(3);
        SkippedOf(recipe.Probes["verse"].Text!).ShouldBe(2);

        static long SkippedOf(RecipeDomain text) => TextSettings.Of(text, isPrepared: false).Format().SkipBadLines;
    }

    [Fact]
    public void Several_corrupted_domains_are_a_probe_each() =>
        Read(Yaml).Probes["corrupt-5"].Parts("corrupt-5").Select(part => (part.Name, part.Probe.Of!.Single()))
            .ShouldBe([("corrupt-5-general", "general"), ("corrupt-5-law", "law")]);

    [Fact]
    public void The_resolved_recipe_reads_back_as_the_same_recipe()
    {
        var resolved = RecipeWriter.Write(RecipePaths.Relative(Read(Yaml)));

        resolved.ShouldContain("- verse.txt");
        RecipeWriter.Write(RecipePaths.Relative(Read(resolved))).ShouldBe(resolved);
    }

    [Theory]
    [InlineData(
        "of: [general, law], corrupt", "of: [general, lew], corrupt",
        "recipe.yaml:8: key 'probes.corrupt-5.of': there is no domain 'lew', did you mean 'law'")]
    [InlineData(
        "files: [verse.txt],", "files: [verse.txt], of: [law],", "recipe.yaml:7: key 'of' and key 'files' exclude each other")]
    [InlineData(
        "files: [verse.txt], section_separator: \"%\"", "text_key: text", "recipe.yaml:7: a probe needs 'files', or 'of'")]
    [InlineData(
        "files: [verse.txt],", "files: [verse.txt], corrupt: 0.1,", "recipe.yaml:7: key 'corrupt' has no meaning for files")]
    [InlineData("files: [verse.txt],", "files: [],", "recipe.yaml:7: key 'files': expected at least one file")]
    [InlineData("corrupt: 0.05", "corrupt: 0", "recipe.yaml:8: key 'probes.corrupt-5.corrupt': expected a number above 0")]
    [InlineData("corrupt: 0.05", "corrupt: 1", "recipe.yaml:8: key 'probes.corrupt-5.corrupt': expected a number above 0")]
    [InlineData(
        "corrupt: 0.05", "corrupt: 0.05, pieces: 100", "recipe.yaml:8: key 'pieces' and key 'corrupt' exclude each other")]
    [InlineData(
        "corrupt: 0.05", "corrupt: 0.05, skip_bad_lines: 1", "recipe.yaml:8: key 'skip_bad_lines' has no meaning with 'of'")]
    [InlineData(
        "files: [verse.txt],", "files: [verse.txt], skip_bad_lines: -1,",
        "recipe.yaml:7: key 'probes.verse.skip_bad_lines': expected an integer of at least 0")]
    [InlineData("corrupt: 0.05", "corrupt: 0.05, max_tokens: 100", "recipe.yaml:8: key 'max_tokens' has no meaning with 'of'")]
    [InlineData(", corrupt: 0.05", "", "recipe.yaml:8: key 'of': what is to be done with the text is missing")]
    [InlineData("of: [general, law], corrupt", "of: [], corrupt", "recipe.yaml:8: key 'of': expected at least one domain")]
    [InlineData("of: [general, law], corrupt", "of: [law, law], corrupt", "recipe.yaml:8: key 'of': a domain is there twice")]
    [InlineData("of: [general, law], corrupt", "of: law, corrupt", "recipe.yaml:8: key 'probes.corrupt-5.of': expected a list")]
    [InlineData(
        "of: [general, law], pieces", "of: [law], pieces", "recipe.yaml:9: key 'of': expected at least two domains to mix")]
    [InlineData("mixed:", "corrupt-5-law:", "recipe.yaml:9: key 'probes': two probes are called 'corrupt-5-law'")]
    [InlineData("mixed:", "a/b:", "recipe.yaml:9: 'a/b' cannot be a name")]
    [InlineData(
        "probes:", "probe_prepare_reads: [x]\nprobes:",
        "recipe.yaml:6: key 'probe_prepare_reads' has no meaning without 'probe_prepare'")]
    [InlineData(
        "probes:\n  verse: { files: [verse.txt], section_separator: \"%\" }\n", "probe_prepare: x.sh\nprobes:\n",
        "recipe.yaml:6: key 'probe_prepare' has no meaning without a probe that has 'files'")]
    public void A_fault_costs_one_line_that_names_the_place(string good, string bad, string message)
    {
        Yaml.ShouldContain(good);

        var fault = Should.Throw<InvalidInputException>(() => Read(Yaml.Replace(good, bad, StringComparison.Ordinal))).Message;

        fault.ShouldContain(message);
        fault.ShouldNotContain("\n");
    }

    private Recipe Read(string yaml)
    {
        var path = Path.Combine(directory, "recipe.yaml");
        File.WriteAllText(path, yaml);
        return RecipeReader.Read(path);
    }
}
