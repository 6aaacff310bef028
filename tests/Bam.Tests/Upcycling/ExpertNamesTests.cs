using Bam.Tests.Models;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class ExpertNamesTests : IDisposable
{
    private const string Record = """
        {"method": "bam", "seed": "/models/seed", "router_seed": 0,
         "experts": ["/runs/a/phases/train-case-law-0123456789ab/model", "/models/code"]}
        """;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void They_are_the_models_folders()
    {
        File.WriteAllText(directory["upcycling.json"], Record);
        ExpertNames.Of(directory.Root, TinyModels.Bam).ShouldBe(["seed", "case-law", "code"]);
        ExpertNames.Of(directory.Root, TinyModels.Btx with { NumLocalExperts = 5 })
            .ShouldBe(["seed", "case-law", "code", "seed", "seed"]);
    }

    [Fact]
    public void Models_with_adapters_are_called_by_those()
    {
        File.WriteAllText(directory["upcycling.json"], """
            {"method": "bam", "seed": "/models/seed", "experts": [
              {"base": "/models/seed", "adapters": ["/runs/law/adapter"]},
              {"base": "/models/seed", "adapters": ["/lora/law", "/lora/code"]}]}
            """);
        ExpertNames.Of(directory.Root, TinyModels.Bam).ShouldBe(["seed", "law", "law+code"]);
    }

    [Theory]
    [InlineData("""{"base": "/models/seed"}""")]
    [InlineData("""{"base": 1, "adapters": []}""")]
    [InlineData("""{"base": "/models/seed", "adapters": [1]}""")]
    [InlineData("1")]
    public void A_damaged_source_is_named(string source)
    {
        File.WriteAllText(directory["upcycling.json"], $$"""{"seed": "/models/seed", "experts": [{{source}}]}""");
        Should.Throw<InvalidInputException>(() => ExpertNames.Of(directory.Root, TinyModels.Bam))
            .Message.ShouldContain("upcycling.json: expected paths under 'seed' and 'experts'");
    }

    [Theory]
    [InlineData("runs/law/model", "law")]
    [InlineData("runs/law/model/", "law")]
    [InlineData("phases/train-law-0123456789ab/model", "law")]
    [InlineData("runs/law", "law")]
    [InlineData("/runs/law/./model", "law")]
    public void A_model_is_named_after_its_directory(string path, string name) => ExpertNames.NameOf(path).ShouldBe(name);

    [Theory]
    [InlineData("model")]
    [InlineData("./model/")]
    [InlineData(".")]
    public void A_path_without_the_directorys_name_is_completed(string path) =>
        ExpertNames.NameOf(path).ShouldBe(Path.GetFileName(Environment.CurrentDirectory));

    [Fact]
    public void Any_other_checkpoint_has_none() => ExpertNames.Of(directory.Root, TinyModels.Bam).ShouldBeNull();

    [Fact]
    public void A_damaged_record_is_named()
    {
        File.WriteAllText(directory["upcycling.json"], "{}");
        Should.Throw<InvalidInputException>(() => ExpertNames.Of(directory.Root, TinyModels.Bam))
            .Message.ShouldContain("upcycling.json");
    }
}
