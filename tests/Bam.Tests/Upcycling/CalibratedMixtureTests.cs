using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Models;
using Bam.Tests.Checkpoints;
using Bam.Tests.Tokenization;
using Bam.Torch;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

[Collection(LibTorchCollection.Name)]
public sealed class CalibratedMixtureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string[] models;
    private readonly string[] texts;

    public CalibratedMixtureTests()
    {
        var config = TinyModel.Dense with { VocabSize = TinyTokenizer.FirstAdded };
        models = [.. Enumerable.Range(0, 3).Select(i => TinyModel.Write(directory[$"m{i}"], config, i))];
        foreach (var model in models)
            File.WriteAllText(Path.Combine(model, "tokenizer.json"), TinyTokenizer.Json().ToJsonString());
        texts = [.. new[] { "abacab", "xyzzyx", "123321" }.Select(Text)];
    }

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("bam", false)]
    [InlineData("bam", true)]
    [InlineData("btx", false)]
    public void Routers_are_the_calibrated_rows_and_all_else_is_as_without(string method, bool shareKeyValue)
    {
        var options = Options(texts) with { ShareKeyValue = shareKeyValue };
        Upcycler.Mix(method, options with { RouterTexts = null }, directory["random"], SilentReporter.Instance);
        var plan = Upcycler.Mix(method, options, directory["calibrated"], SilentReporter.Instance);
        var rows = RouterCalibration.Run(models[0], plan.Config, texts, 64, Device.Cpu, SilentReporter.Instance);

        using var random = Checkpoint.Open(directory["random"], SilentReporter.Instance);
        using var calibrated = Checkpoint.Open(directory["calibrated"], SilentReporter.Instance);
        rows.Count.ShouldBe(method == "bam" ? 4 : 2);
        foreach (var parameter in calibrated.Parameters)
            Read(calibrated, parameter)
                .ShouldBe(parameter.IsRouter ? rows[parameter.Name] : Read(random, parameter), parameter.Name);
    }

    [Fact]
    public void The_record_says_how_the_routers_were_made()
    {
        var options = Options(texts);
        Upcycler.Mix("btx", options, directory["calibrated"], SilentReporter.Instance);
        var record = JsonNode.Parse(File.ReadAllText(directory["calibrated/upcycling.json"]))!.AsObject();
        record.ShouldNotContainKey("router_seed");
        var calibrated = record["router_texts"]!;
        calibrated["tokens"]!.GetValue<int>().ShouldBe(64);
        calibrated["inputs"]!.AsArray().Select(input => input!.GetValue<string>()).ShouldBe(texts);
        Upcycler.Mix("btx", options with { RouterTexts = null }, directory["random"], SilentReporter.Instance);
        File.ReadAllText(directory["random/upcycling.json"]).ShouldNotContain("router_texts");
        Upcycler.Mix("soup", options with { RouterTexts = null }, directory["soup"], SilentReporter.Instance);
        File.ReadAllText(directory["soup/upcycling.json"]).ShouldNotContain("router_seed");
    }

    [Theory]
    [InlineData(
        "bam", 2, "router-text: expected 3, one of each model with the seed's first, found 2; give as many as there are models")]
    [InlineData(
        "btx", 4, "router-text: expected 3, one of each model with the seed's first, found 4; give as many as there are models")]
    [InlineData("soup", 3, "soup: router-text does not apply, its output is dense; leave it out")]
    public void A_wrong_request_costs_one_line(string method, int texts, string message) =>
        Refused(method, Options([.. Enumerable.Range(0, texts).Select(i => $"{i}")])).ShouldBe(message);

    [Fact]
    public void Experts_without_a_domain_of_their_own_are_refused()
    {
        Refused("btx", Options("a", "b", "c") with { FeedForwardExperts = 4 })
            .ShouldBe(
                "experts: expected 3 with router-text, one of each model, found 4; leave one of the two out: copies of the "
                + "seed have no domain of their own");
        Refused("sparse", Options("a") with { Experts = [], FeedForwardExperts = 4 })
            .ShouldBe("sparse: router-text does not apply, its experts are all the same; leave it out");
        Refused("bam", Options("a", "b", "./a")).ShouldBe(
            "router-text: expected a domain of its own for each expert, found a given twice; two experts with one text cannot "
            + "be told apart");
        Refused("bam", Options("a", "b", "c") with { RouterTexts = new(["a", "b", "c"], 0) })
            .ShouldBe("router-tokens: expected a number above 0, found 0; change it");
    }

    [Fact]
    public void A_device_that_is_not_there_is_refused() =>
        Refused("btx", Options(texts) with { RouterTexts = new(texts, 64) { Device = "tpu" } })
            .ShouldBe("--device: device: expected auto, cpu, cuda or cuda:N, found 'tpu'");

    private static float[] Read(Checkpoint checkpoint, ParameterInfo parameter)
    {
        var values = new float[parameter.Count];
        checkpoint.ReadFloat32(parameter.Name, values);
        return values;
    }

    private MixtureOptions Options(params string[] texts) =>
        new() { Seed = models[0], Experts = models[1..], RouterTexts = new(texts, 64) { Device = "cpu" } };

    private string Text(string letters)
    {
        var path = directory[$"{letters}.txt"];
        File.WriteAllText(path, string.Concat(Enumerable.Repeat(letters, 20)));
        return path;
    }

    private string Refused(string method, MixtureOptions options) =>
        Should.Throw<InvalidInputException>(() => Upcycler.Mix(method, options, directory["mixture"], SilentReporter.Instance))
            .Message;
}
