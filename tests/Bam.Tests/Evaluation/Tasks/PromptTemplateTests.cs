using System.Text.Json.Nodes;
using Bam.Evaluation.Tasks.Definitions;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public class PromptTemplateTests
{
    private static readonly TaskRow Row = new(
        (JsonObject)JsonNode.Parse(
            """
            {"question": {"stem": " Why? ", "choices": [{"text": "a"}, {"text": "b"}]}, "list": ["x", 2], "flag": true,
             "number": 1.50, "nothing": null, "sentence": "The _ is here. _ too", "name": "abstract_algebra"}
            """)!,
        "items.jsonl:3");

    [Theory]
    [InlineData("Q: {question.stem}\n", "Q:  Why? \n")]
    [InlineData("{question.stem|strip}", "Why?")]
    [InlineData("{list[0]}{list[1]}", "x2")]
    [InlineData("{question.choices[1].text}", "b")]
    [InlineData("{flag} {nothing} {number}", "True None 1.50")]  // as Python writes them
    [InlineData("{sentence|before:_}…{sentence|after:_|strip}", "The …is here. _ too")]
    [InlineData("about {name|words}.", "about abstract algebra.")]
    [InlineData("{{{list[0]}}}", "{x}")]
    public void Fields_are_filled_in(string template, string expected) =>
        PromptTemplate.Parse(template).Render(Row).ShouldBe(expected);

    [Theory]
    [InlineData("{list}", new[] { "x", "2" })]
    [InlineData("{question.choices[*].text}", new[] { "a", "b" })]
    [InlineData("{name, flag}", new[] { "abstract_algebra", "True" })]
    [InlineData("{name}", new[] { "abstract_algebra" })]
    [InlineData("A", new[] { "A" })]
    public void A_list_stands_for_its_entries(string template, string[] expected) =>
        PromptTemplate.Parse(template).RenderAll(Row).ShouldBe(expected);

    [Theory]
    [InlineData("{question")]
    [InlineData("question}")]
    [InlineData("{}")]
    [InlineData("{a..b}")]
    [InlineData("{a[x]}")]
    [InlineData("{a[1}")]
    [InlineData("{[0]}")]
    [InlineData("{a|upper}")]
    [InlineData("{a|before:}")]
    public void A_wrong_template_is_refused(string template) =>
        Should.Throw<FormatException>(() => PromptTemplate.Parse(template)).Message.ShouldNotBeEmpty();

    [Fact]
    public void A_missing_field_is_named_with_those_that_are_there()
    {
        var message = Should.Throw<InvalidInputException>(() => PromptTemplate.Parse("{goal}").Render(Row)).Message;

        message.ShouldStartWith("items.jsonl:3: expected the field \"goal\", found only \"question\", \"list\"");
    }

    [Fact]
    public void A_list_inside_a_text_is_refused() =>
        Should.Throw<InvalidInputException>(() => PromptTemplate.Parse("Q: {list}").Render(Row)).Message
            .ShouldStartWith("items.jsonl:3, field \"list\": expected a text or a number, found a list");

    [Fact]
    public void A_text_without_the_mark_is_refused() =>
        Should.Throw<InvalidInputException>(() => PromptTemplate.Parse("{name|before: }").Render(Row)).Message
            .ShouldStartWith("items.jsonl:3, field \"name\": expected what 'name|before: ' looks for");
}
