using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests the special tokens of exports for transformers.</summary>
public sealed class TokenizerConfigJsonTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("hf", "llama2")]
    [InlineData("llama", "llama2")]
    [InlineData("hf", "mistral")]
    public void An_export_names_the_special_tokens_and_pads_with_the_end(string format, string tokenizer)
    {
        Model(tokenizer, begin: 1, end: 2);

        Export(format);

        File.ReadAllText(directory["out/tokenizer_config.json"]).ShouldBe("""
            {
              "tokenizer_class": "PreTrainedTokenizerFast",
              "model_input_names": ["input_ids","attention_mask"],
              "bos_token": "<s>",
              "eos_token": "</s>",
              "unk_token": "<unk>",
              "pad_token": "</s>"
            }

            """);
    }

    [Theory]
    [InlineData("hf")]
    [InlineData("mixtral")]
    public void So_does_a_mixture_that_is_written_in_the_form(string format)
    {
        var model = Model("llama2", begin: 1, end: 2);

        Upcycler.Mix(
            "btx",
            new()
            {
                Seed = model,
                Experts = [model],
                TopK = 2,
                NormTopK = true,
                Form = (ICheckpointForm)ExportFormats.Named(format),
            },
            directory["out"], SilentReporter.Instance);

        Written()["pad_token"]!.ToString().ShouldBe("</s>");
        File.ReadAllBytes(directory["out/tokenizer.json"]).ShouldBe(File.ReadAllBytes(directory["model/tokenizer.json"]));
    }

    [Theory]
    [InlineData("<|PAD|>")]
    [InlineData("[PAD]")]
    [InlineData("<PAD_TOKEN>")]
    [InlineData("<|padding|>")]
    [InlineData("<｜▁pad▁｜>")]
    [InlineData("<|finetune_right_pad_id|>")]
    public void A_token_for_padding_is_known_by_its_name(string name)
    {
        Model("gpt2", begin: 2, end: 0, text => text.Replace("<|pad|>", name));

        Export("hf")["pad_token"]!.ToString().ShouldBe(name);
    }

    [Fact]
    public void The_padding_that_the_tokenizer_sets_comes_before_names()
    {
        Model("llama2", begin: 1, end: 2, text => text.Replace(
            "\"padding\": null",
            """
            "padding": {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": null, "pad_id": 0,
                "pad_type_id": 0, "pad_token": "<unk>"}
            """));

        Export("hf")["pad_token"]!.ToString().ShouldBe("<unk>");
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("generation_config.json")]
    public void The_padding_of_the_model_comes_before_that(string file)
    {
        Model("gpt2", begin: 2, end: 0);
        var path = directory[$"model/{file}"];
        var json = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : [];
        json["pad_token_id"] = 2;
        File.WriteAllText(path, json.ToJsonString());

        Export("hf")["pad_token"]!.ToString().ShouldBe("<|begin|>");
    }

    [Fact]
    public void Without_an_end_in_the_configuration_it_is_the_one_that_generation_knows()
    {
        Model("gpt2", begin: 2, end: null);

        Export("hf")["eos_token"]!.ToString().ShouldBe("<|endoftext|>");
    }

    [Fact]
    public void Of_several_ends_the_first_is_named()
    {
        Model("gpt2", begin: null, end: new JsonArray(2, 0));

        Export("hf")["eos_token"]!.ToString().ShouldBe("<|begin|>");
    }

    // transformers would add it with an id without a row.
    [Fact]
    public void A_token_without_a_row_is_not_named()
    {
        Model("gpt2", begin: 2, end: 0, text => text.Replace("\"id\": 1,", "\"id\": 1601,"));

        Export("hf")["pad_token"]!.ToString().ShouldBe("<|endoftext|>");
    }

    [Fact]
    public void What_the_model_says_stays_byte_for_byte_and_only_what_is_missing_is_added()
    {
        Model("llama2", begin: 1, end: 2);
        const string Own = """
            { "tokenizer_class": "LlamaTokenizerFast",  "bos_token": null, "eos_token": {"content": "<unk>", "lstrip": false},
              "chat_template": "{{ '\u00e9' }}", "model_max_length": 1e30
            """;
        File.WriteAllText(directory["model/tokenizer_config.json"], Own + "}");

        var settings = Export("hf");

        File.ReadAllText(directory["out/tokenizer_config.json"]).ShouldStartWith(Own.TrimEnd());
        settings.Select(pair => pair.Key).ShouldBe(
            [
                "tokenizer_class", "bos_token", "eos_token", "chat_template", "model_max_length", "model_input_names",
                "unk_token", "pad_token"]);
        settings["pad_token"]!.ToString().ShouldBe("<unk>");
    }

    [Fact]
    public void What_the_map_of_special_tokens_says_is_not_said_again()
    {
        Model("llama2", begin: 1, end: 2);
        File.WriteAllText(
            directory["model/special_tokens_map.json"], """{"pad_token": "<unk>", "unk_token": "<unk>", "eos_token": "</s>"}""");

        Export("llama").Select(pair => pair.Key).ShouldBe(["tokenizer_class", "model_input_names", "bos_token"]);
    }

    [Fact]
    public void A_model_without_a_tokenizer_gets_none()
    {
        Model(null, begin: 1, end: 2);
        Exporter.Export(directory["model"], ExportFormats.Named("hf"), new(), directory["out"], SilentReporter.Instance);

        File.Exists(directory["out/tokenizer_config.json"]).ShouldBeFalse();
    }

    [Fact]
    public void Settings_that_are_no_json_are_refused_by_their_path()
    {
        Model("llama2", begin: 1, end: 2);
        File.WriteAllText(directory["model/tokenizer_config.json"], "[]");

        Should.Throw<InvalidInputException>(() => Export("hf")).Message
            .ShouldBe($"{directory["model/tokenizer_config.json"]}: expected a JSON object, found an array; copy it again");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    private JsonObject Export(string format)
    {
        Exporter.Export(directory["model"], ExportFormats.Named(format), new(), directory["out"], SilentReporter.Instance);
        return Written();
    }

    private JsonObject Written() => JsonNode.Parse(File.ReadAllText(directory["out/tokenizer_config.json"]))!.AsObject();

    /// <summary>A Llama of zeros with 1,536 rows.</summary>
    private string Model(string? tokenizer, JsonNode? begin, JsonNode? end, Func<string, string>? change = null)
    {
        Directory.CreateDirectory(directory["model"]);
        var config = JsonNode.Parse(
            File.ReadAllText(Path.Combine(Fixtures.HuggingFaceModel("llama-gqa"), ModelConfig.FileName)))!.AsObject();
        config.Remove("pad_token_id");
        (config["vocab_size"], config["bos_token_id"], config["eos_token_id"]) = (1536, begin, end);
        File.WriteAllText(directory["model/config.json"], config.ToJsonString());
        var parameters = ParameterTable.Of(ModelConfigReader.Load(directory["model"], SilentReporter.Instance));
        SafetensorsWriter.Write(
            directory[$"model/{WeightSet.SingleFileName}"],
            [.. parameters.Select(parameter => new TensorDeclaration(parameter.Name, TensorDtype.Float32, parameter.Shape))],
            (tensor, stream) => stream.Write(new byte[tensor.ByteLength]));
        if (tokenizer is null) return directory["model"];
        var text = File.ReadAllText(Path.Combine(Fixtures.Tokenizer(tokenizer), TokenizerFile.FileName));
        var changed = change is null ? text : change(text);
        if (change is not null) changed.ShouldNotBe(text);
        File.WriteAllText(directory["model/tokenizer.json"], changed);
        return directory["model"];
    }
}
