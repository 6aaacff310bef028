using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Configuration;
using Bam.Exporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>
/// Tests that the Python code beside an export knows every setting. What it computes is compared by
/// <c>eng/check-transformers.sh</c>.
/// </summary>
public sealed class TransformersCodeTests : IDisposable
{
    private const string Prefix = "Bam.Exporting.Transformers.";

    private readonly TemporaryDirectory directory = new();

    /// <summary>The keys of <c>config.json</c>; transformers itself handles the two that are left out.</summary>
    public static TheoryData<string> Keys =>
        [.. ModelConfigJson.Keys.Select(key => key.Name).Except(["pad_token_id", "torch_dtype"])];

    public void Dispose() => directory.Dispose();

    // A key that Python does not know, or whose value is another where the file omits it, gives other logits without an error.
    [Theory, MemberData(nameof(Keys))]
    public void The_configuration_has_every_key_and_omitted_ones_have_the_same_default(string name)
    {
        var code = CodeOf("configuration_bam.py");
        var parameter = Regex.Match(code, $"^        {name}=(.*),$", RegexOptions.Multiline);
        parameter.Success.ShouldBeTrue();
        Regex.IsMatch(code, $"self.{name} = |[( ]{name}={name}[,)]").ShouldBeTrue();

        var key = ModelConfigJson.Keys.Single(key => key.Name == name);
        if (!key.Attribute.OmitDefault) return;
        var (given, expected) = (parameter.Groups[1].Value, key.Get(ConfigKey.Create(typeof(ModelConfig))));
        switch (expected)
        {
            case bool flag:
                given.ShouldBe(flag ? "True" : "False");
                break;
            case double number:
                double.Parse(given, CultureInfo.InvariantCulture).ShouldBe(number);
                break;
            case Enum choice:
                given.ShouldBe($"\"{SnakeCase.Of(choice)}\"");
                break;
            default:
                given.ShouldBe("None");
                (expected as IEnumerable)?.Cast<object>().ShouldBeEmpty();
                break;
        }
    }

    [Theory]
    [InlineData(typeof(RopeScalingType), "rotary_bam.py")]
    [InlineData(typeof(LayerType), "mask_bam.py")]
    [InlineData(typeof(QueryKeyNorm), "modeling_bam.py")]
    public void The_code_has_every_choice(Type choices, string file)
    {
        foreach (Enum choice in Enum.GetValues(choices)) CodeOf(file).ShouldContain($"\"{SnakeCase.Of(choice)}\"");
    }

    // transformers copies the files that the model's file imports, and no further ones.
    [Fact]
    public void Every_file_of_the_code_goes_along_and_is_imported_by_the_models_file()
    {
        var model = Fixtures.HuggingFaceModel("llama-gqa");
        Exporter.Export(model, ExportFormats.Named("hf"), new(), directory["out"], SilentReporter.Instance);

        var exported = Directory.GetFiles(directory["out"], "*.py").Select(path => Path.GetFileName(path)).ToList();
        exported.ShouldBe(
            typeof(Exporter).Assembly.GetManifestResourceNames()
                .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]),
            ignoreOrder: true);
        foreach (var name in exported) File.ReadAllText(directory[$"out/{name}"]).ShouldBe(CodeOf(name));
        var imported = Regex.Matches(CodeOf("modeling_bam.py"), @"^from \.(\w+) import", RegexOptions.Multiline)
            .Select(match => $"{match.Groups[1].Value}.py");
        imported.Append("modeling_bam.py").ShouldBe(exported, ignoreOrder: true);
    }

    private static string CodeOf(string file)
    {
        using var reader = new StreamReader(typeof(Exporter).Assembly.GetManifestResourceStream($"{Prefix}{file}")!);
        return reader.ReadToEnd();
    }
}
