using System.Text.Json;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization.Chat;

/// <summary>Templates and what Jinja2 renders with transformers' settings.</summary>
public class GoldenTemplateTests
{
    public static TheoryData<string> Names => [.. Load().Select(template => template.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Renders_what_jinja2_renders(string name)
    {
        var fixture = Load().Single(template => template.GetProperty("name").GetString() == name);
        var template = new ChatTemplate(
            fixture.GetProperty("chat_template").GetString()!, name, new Dictionary<string, JsonElement>
            {
                ["bos_token"] = fixture.GetProperty("bos_token"),
                ["eos_token"] = fixture.GetProperty("eos_token"),
            });
        var renderings = fixture.GetProperty("renderings").EnumerateArray().ToList();
        renderings.Count.ShouldBeGreaterThan(5);
        foreach (var rendering in renderings)
        {
            var asksForAnswer = rendering.TryGetProperty("add_generation_prompt", out var asked) && asked.GetBoolean();
            template.Render(Conversation.Parse(rendering, name), asksForAnswer).Text
                .ShouldBe(rendering.GetProperty("text").GetString());
        }
    }

    private static List<JsonElement> Load() =>
        [.. JsonElement.Parse(File.ReadAllBytes(Fixtures.Chat("templates.json"))).EnumerateArray()];
}
