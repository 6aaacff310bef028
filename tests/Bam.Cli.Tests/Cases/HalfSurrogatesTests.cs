using Shouldly;
using Xunit;
namespace Bam.Cli.Tests.Cases;

public class HalfSurrogatesTests
{
    [Fact]
    public void In_config_json_are_refused_by_place()
    {
        using var files = new CaseFiles("half-surrogates-in-json");
        foreach (var arguments in Verbs(files["model"], files["out"]))
        {
            var run = CommandLineRun.Of(arguments);
            run.Error.ShouldBe(
                $"bam: {files["model/config.json"]}: line 8, byte 13: expected Unicode text, found half of a surrogate pair, "
                + "\\udc00; it may be cut short or the wrong file\n",
                string.Join(' ', arguments));
            run.Status.ShouldBe(2);
        }
    }

    [Fact]
    public void In_an_index_and_in_a_header_are_refused_by_place()
    {
        using var files = new CaseFiles("half-surrogates-in-json");
        var config = File.ReadAllText(files["model/config.json"]).Replace("\\udc00x", "float32", StringComparison.Ordinal);
        File.WriteAllText(files["model/config.json"], config);
        CommandLineRun.Of("inspect", files["model"]).Status.ShouldBe(0);

        var weights = File.ReadAllBytes(files["model/model.safetensors"]);
        var name = weights.AsSpan().IndexOf("\"lm_head.weight\""u8);
        "\\ud800"u8.CopyTo(weights.AsSpan(name + 1));
        File.WriteAllBytes(files["model/model.safetensors"], weights);
        var run = CommandLineRun.Of("inspect", files["model"]);
        run.Error.ShouldContain("model.safetensors: header: line 1, byte ");
        run.Error.ShouldContain("expected Unicode text, found half of a surrogate pair, \\ud800; ");
        run.Status.ShouldBe(2);

        File.Delete(files["model/model.safetensors"]);
        File.WriteAllText(files["model/model.safetensors.index.json"], "{\"weight_map\": {\n\"a\": \"\\udc00\"}}");
        run = CommandLineRun.Of("inspect", files["model"]);
        run.Error.ShouldContain(
            "model.safetensors.index.json: line 2, byte 7: expected Unicode text, found half of a surrogate pair, \\udc00; ");
        run.Status.ShouldBe(2);
    }

    private static string[][] Verbs(string model, string output) =>
    [
        ["inspect", model],
        ["mix", "btx", "--seed", model, "--expert", model, "--output", output],
        ["export", model, "--format", "gguf", "--output", output],
        ["cost", $"{model}/config.json"],
    ];
}
