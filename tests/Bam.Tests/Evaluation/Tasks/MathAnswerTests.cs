using Bam.Evaluation.Tasks.Texts;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

/// <summary>The expected texts are those of lm-evaluation-harness 0.4.13, of hendrycks_math and minerva_math.</summary>
public class MathAnswerTests
{
    [Theory]
    [InlineData(@"\frac12", @"\frac{1}{2}")]
    [InlineData(@"\dfrac{1}{2}", @"\frac{1}{2}")]
    [InlineData(@"\tfrac1{72}", @"\frac{1}{72}")]
    [InlineData(@"\frac3a b", @"\frac{3}{a}b")]
    [InlineData(@"\frac{a}b", @"\frac{a}b")]
    [InlineData(@"\frac", null)]
    [InlineData("1/2", @"\frac{1}{2}")]
    [InlineData("-3/4", @"\frac{-3}{4}")]
    [InlineData("+1/2", "+1/2")]
    [InlineData("3/4/5", "3/4/5")]
    [InlineData("a/b", null)]
    [InlineData(@"\sqrt3", @"\sqrt{3}")]
    [InlineData(@"2\sqrt{5}", @"2\sqrt{5}")]
    [InlineData(@"\sqrt", null)]
    [InlineData("x = 5", "5")]
    [InlineData("xyz=5", "xyz=5")]
    [InlineData("a=b=c", "a=b=c")]
    [InlineData(".5", @"\frac{1}{2}")]
    [InlineData("{.5}", "{0.5}")]
    [InlineData("10 .5", "100.5")]
    [InlineData(@"50\%", "50")]
    [InlineData(@"\$18", "18")]
    [InlineData(@"12\text{ cm}", "12")]
    [InlineData(@"1\text{ a}\text{ b}", null)]
    [InlineData(@"90^\circ", "90")]
    [InlineData(@"90^{\circ}", "90")]
    [InlineData(@"\left( 3, \frac{\pi}{2} \right)", @"(3,\frac{\pi}{2})")]
    [InlineData("1,000", "1,000")]
    [InlineData(@"5\!", "5")]
    [InlineData(" 7 ", "7")]
    [InlineData("", "")]
    public void Answers_of_math_get_one_spelling(string answer, string? expected) =>
        MathAnswer.Normalize(answer).ShouldBe(expected);

    [Theory]
    [InlineData(@"so $\boxed{2}$", "2")]
    [InlineData(@"\boxed{1} then \boxed{\frac{1}{2}}.", @"\frac{1}{2}")]
    [InlineData(@"is $\boxed 7$ ok", "7")]
    [InlineData(@"\boxed{\boxed{3}}", "3")]
    [InlineData("none", null)]
    [InlineData(@"\boxed{a{b}", null)]
    public void The_last_box_holds_the_answer(string solution, string? expected) =>
        MathAnswer.Boxed(solution).ShouldBe(expected);

    [Theory]
    [InlineData(@"It is $\frac12$.", @"\frac{1}{2}", true)]
    [InlineData(@"$a$ and $b$", "b", false)]  // from the first to the last dollar sign
    [InlineData(" 0.5", @"\frac{1}{2}", true)]
    [InlineData("a/b", "a/b", true)]  // without a spelling of its own
    [InlineData("a/b", "a / b", false)]
    [InlineData("one $", "one", false)]
    public void What_stands_between_dollar_signs_is_compared(string generated, string answer, bool expected) =>
        MathAnswer.IsCorrect(generated, answer).ShouldBe(expected);

    [Theory]
    [InlineData(@"$\frac12$", @"\frac{1}{2}")]
    [InlineData("x=5", "5")]
    [InlineData("the an 5 dollars", "the5")]
    [InlineData("1,000", "1000")]
    [InlineData(@"(1,\!000)", "(1000)")]
    [InlineData(@"\text{red}", "red")]
    [InlineData(@"\textbf{7}", "7")]
    [InlineData(@"\overline{AB}", "AB")]
    [InlineData(@"\boxed{8}", "8")]
    [InlineData(@"\sqrt3x", @"\sqrt{3}x")]
    [InlineData("$12$ units", "12")]
    [InlineData("12.$", "12")]
    [InlineData(@"90^\circ", "90")]
    [InlineData(@"3\ \text{and}\ 4", "34")]
    [InlineData(@"5\text{ cm}", "5")]
    [InlineData(@"100\%", @"100\%")]
    public void Answers_of_minerva_lose_units_and_fonts(string answer, string expected) =>
        MinervaAnswer.Normalize(answer).ShouldBe(expected);

    [Theory]
    [InlineData("1,234", "1234", true)]
    [InlineData(@"x=\frac{3}{4}", @"\frac34", true)]
    [InlineData(@"2\sqrt3", @"2\sqrt{3}", true)]
    [InlineData(@"30^\circ", "30", true)]
    [InlineData(@"\$ 5", "5", true)]
    [InlineData("[2,5)", "[2, 5)", true)]
    [InlineData(@"\begin{pmatrix} 1 \\2 \end{pmatrix}", @"\begin{pmatrix}1\\2\end{pmatrix}", true)]
    [InlineData(@"\begin{pmatrix}1\\ 2\end{pmatrix}", @"\begin{pmatrix}1\\2\end{pmatrix}", false)]  // "\ " is a space
    [InlineData("0.5", @"\frac{1}{2}", false)]
    [InlineData(@"\dfrac{1}{2}", @"\frac{1}{2}", false)]
    [InlineData(@"\sqrt{12}", @"2\sqrt{3}", false)]
    [InlineData("x+1", "1+x", false)]
    [InlineData(@"\left(1,2\right)", "(1,2)", false)]
    [InlineData("12.0", "12", false)]
    public void Answers_of_minerva_are_equal_if_their_normalized_texts_are(string generated, string answer, bool expected) =>
        MinervaAnswer.IsCorrect($"Final Answer: The final answer is ${generated}$. ", MinervaAnswer.Normalize(answer))
            .ShouldBe(expected);

    [Theory]
    [InlineData("Final Answer: The final answer is $24$. I hope it is correct.", true)]
    [InlineData("Then.\nFinal Answer: The final answer is $24$. ", true)]
    [InlineData("Final Answer: The final answer is 24", false)]
    [InlineData("24", false)]
    public void The_final_answer_of_minerva_is_compared(string generated, bool expected) =>
        MinervaAnswer.IsCorrect(generated, "24").ShouldBe(expected);
}
