using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>On golden models, with a tokenizer of the 95 printable letters.</summary>
public sealed class GenerateTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_text_is_streamed_and_its_times_go_to_standard_error()
    {
        var run = Generate("bam-expert-kv", "--prompt", "Once", "--max-tokens", "20");
        run.ShouldBeDone();
        run.Output.ShouldEndWith("\n");
        run.Output.Length.ShouldBeGreaterThan(2);
        run.Error.ShouldStartWith("20 tokens after a prompt of 4, ended by the token limit; prefill ");
        run.Error.ShouldContain("tokens/s; keys and values");
    }

    [Fact]
    public void A_seed_gives_the_same_text_in_every_form()
    {
        string[] request = ["--prompt", "Once", "--max-tokens", "12", "--seed", "7", "--top-k", "40", "--top-p", "0.9"];
        using var json = JsonDocument.Parse(Generate("btx-top1", [.. request, "--json"]).Output);
        var result = json.RootElement;
        var text = result.GetProperty("text").GetString()!;
        Generate("btx-top1", request).Output.ShouldBe(text + "\n");
        result.GetProperty("ids").GetArrayLength().ShouldBe(12);
        result.GetProperty("stop_reason").GetString().ShouldBe("max_tokens");
        result.GetProperty("prompt_tokens").GetInt32().ShouldBe(4);
        // K and V, layers, heads, head_dim, positions, bytes
        result.GetProperty("cache_bytes").GetInt64().ShouldBe(2 * 2 * 2 * 8 * (4 + 12) * 4);
        foreach (var figure in new[] { "prefill_seconds", "decode_seconds", "tokens_per_second" })
            result.GetProperty(figure).GetDouble().ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("bfloat16")]
    [InlineData("float16")]
    public void Weights_may_have_16_bits(string dtype)
    {
        var run = Generate("bam-expert-kv", "--prompt", "Once", "--max-tokens", "20", "--weights-dtype", dtype);
        run.ShouldBeDone();
        run.Error.ShouldContain(" after a prompt of 4, ended by ");
    }

    [Fact]
    public void A_prompt_may_come_from_a_file()
    {
        var file = Path.Combine(root, "prompt.txt");
        File.WriteAllText(file, "Once\n");
        string[] request = ["--max-tokens", "8", "--temperature", "0"];
        Generate("dense-parallel", ["--prompt-file", file, .. request]).Output
            .ShouldBe(Generate("dense-parallel", ["--prompt", "Once", .. request]).Output);
    }

    [Fact]
    public void A_prompt_may_come_from_standard_input()
    {
        string[] request = ["--max-tokens", "8", "--temperature", "0"];
        GenerateFrom("\uFEFFOnce\n"u8, request).Output.ShouldBe(
            Generate("dense-parallel", ["--prompt", "Once", .. request]).Output);
    }

    [Fact]
    public void Standard_input_that_is_not_utf8_is_refused()
    {
        var run = GenerateFrom([.. "caf"u8, 0xE9, .. " x"u8]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Output.ShouldBe("");
        run.Error.ShouldBe("bam: standard input: expected UTF-8 text, found other bytes at offset 3; give it as UTF-8\n");
    }

    [Fact]
    public void A_stop_string_ends_the_text()
    {
        string[] request = ["--prompt", "Once", "--max-tokens", "40"];
        var text = Generate("dense-parallel", request).Output.TrimEnd('\n');
        var stop = text.Substring(text.Length / 2, 2);
        var run = Generate("dense-parallel", [.. request, "--stop", stop, "--stop", "never there"]);
        run.Output.ShouldBe(text[..text.IndexOf(stop, StringComparison.Ordinal)] + "\n");
        run.Error.ShouldContain("ended by a stop string");
    }

    [Fact]
    public void Experts_are_shown_by_token_and_named_by_their_models()
    {
        var model = Model("bam-expert-kv");
        File.WriteAllText(
            Path.Combine(model, "upcycling.json"),
            """{"seed": "/m/seed", "experts": ["/m/code", "/m/math", "/m/law"]}""");
        var run = CommandLineRun.Of("generate", model, "--prompt", "Once", "--max-tokens", "5", "--show-experts");
        run.ShouldBeDone();
        var lines = run.Output.Split('\n');
        lines[0].ShouldBe("experts: 0 seed, 1 code, 2 math, 3 law");
        lines[2].ShouldBe("token             feed-forward  attention gates, %");
        lines[3].ShouldEndWith("0     1     2     3");
        foreach (var line in lines[4..9]) line.ShouldMatch(@"^.{16}  [0-3]{2}            (. +\d+ ?){4}$");

        using var json = JsonDocument.Parse(
            CommandLineRun.Of("generate", model, "--prompt", "Once", "--max-tokens", "5", "--show-experts", "--json").Output);
        var route = json.RootElement.GetProperty("tokens")[4].GetProperty("route")[1];
        route.GetProperty("feed_forward_experts").GetArrayLength().ShouldBe(1);
        route.GetProperty("attention_gates").EnumerateArray().Sum(gate => gate.GetDouble()).ShouldBe(1, 1e-5);
        json.RootElement.GetProperty("experts")[3].GetString().ShouldBe("law");
    }

    [Fact]
    public void Names_of_experts_are_escaped()
    {
        var model = Model("bam-expert-kv");
        File.WriteAllText(
            Path.Combine(model, "upcycling.json"),
            """{"seed": "/m/se\u001b[2Jed", "experts": ["/m/co\nde", "/m/math\u202e", "/m/law"]}""");
        CommandLineRun.Of("generate", model, "--prompt", "Once", "--max-tokens", "1", "--show-experts").Output
            .ShouldStartWith(@"experts: 0 se\u001b[2Jed, 1 co\u000ade, 2 math\u202e, 3 law");
    }

    [Fact]
    public void Several_feed_forward_experts_of_a_layer_stand_together()
    {
        var run = Generate("btx-6-experts-top3", "--prompt", "Once", "--max-tokens", "2", "--show-experts");
        run.Output.Split('\n')[1].ShouldMatch(@"^.{16}  [0-5]{3} [0-5]{3}$");
    }

    [Fact]
    public void An_interruption_ends_with_130_after_what_was_generated()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var run = CommandLineRun.Of(source.Token, "generate", Model("dense-parallel"), "--prompt", "Once");
        run.Status.ShouldBe(ExitStatus.Interrupted);
        run.Output.ShouldEndWith("\n");
        run.Error.ShouldContain("1 token after a prompt of 4, ended by interruption");
    }

    [Theory]
    [InlineData("--temperature: expected 0", "--temperature", "-1")]
    [InlineData("--top-k: expected a number above 0", "--top-k", "0")]
    [InlineData("--top-p: expected a number above 0, up to 1, found 2", "--top-p", "2")]
    [InlineData("--max-tokens: expected at most 124 after a prompt of 4 tokens", "--max-tokens", "125")]
    [InlineData("--max-tokens: expected a number above 0", "--max-tokens", "0")]
    [InlineData("--stop: expected text", "--stop", "")]
    [InlineData("--show-experts: expected a mixture", "--show-experts")]
    [InlineData("--prompt and --prompt-file: expected one of them", "--prompt-file", "some.txt")]
    [InlineData("--device", "--device", "tpu")]
    [InlineData("--weights-dtype: expected float32, bfloat16 or float16, found int8", "--weights-dtype", "int8")]
    public void A_wrong_request_costs_one_line(string message, params string[] options)
    {
        var run = Generate("dense-parallel", ["--prompt", "Once", .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Output.ShouldBe("");
        run.Error.ShouldStartWith($"bam: {message}");
        run.Error.TrimEnd('\n').ShouldNotContain('\n');
    }

    [Fact]
    public void A_prompt_longer_than_the_model_is_refused() =>
        Generate("dense-parallel", "--prompt", new string('a', 128)).Error.ShouldBe(
            "bam: the prompt: expected fewer than 128 tokens (max_position_embeddings), found 128; shorten it\n");

    [Fact]
    public void A_model_without_a_tokenizer_is_refused()
    {
        var run = CommandLineRun.Of(
            "generate", RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel"), "--prompt", "Once");
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldContain("tokenizer.json");
    }

    private CommandLineRun Generate(string fixture, params string[] options) =>
        CommandLineRun.Of(["generate", Model(fixture), .. options]);

    private CommandLineRun GenerateFrom(ReadOnlySpan<byte> input, params string[] options)
    {
        using var process = TrainProcess.StartBam(input.ToArray(), ["generate", Model("dense-parallel"), .. options]);
        return TrainProcess.Finish(process);
    }

    private string Model(string fixture)
    {
        var directory = Path.Combine(root, fixture);
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(RepositoryRoot.PathOf("tests", "fixtures", "bam", fixture, file), Path.Combine(directory, file));
        LetterTokenizer.Write(directory);
        return directory;
    }
}
